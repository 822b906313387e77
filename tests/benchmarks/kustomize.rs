//! Measures Kustomize builds: in one process, as the hub makes them, and as programs side by side.
//!
//! `tests/bench kustomize` runs it. Prints a figure a line: name, value, unit, against what, and how many times as
//! fast or small.

#![expect(clippy::print_stdout, reason = "figures are the output")]
#![expect(clippy::print_stderr, reason = "progress is talk")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use skerry_render::{
    Memo, MemoryTree, RenderLimits, RenderRequest, Renderer, SourceTree, build_kustomization, build_kustomization_with,
};

/// Overlays over the one base.
const OVERLAYS: usize = 1_000;

/// Five objects that refer to each other.
fn application(number: usize) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{number}\n  labels: {{app: app-{number}}}\nspec:\n  \
         replicas: 2\n  selector:\n    matchLabels: {{app: app-{number}}}\n  template:\n    metadata:\n      labels: \
         {{app: app-{number}}}\n    spec:\n      serviceAccountName: app-{number}\n      containers:\n      - name: \
         main\n        image: registry.example/app-{number}:1.0\n        env:\n        - name: MODE\n          \
         valueFrom: {{configMapKeyRef: {{name: app-{number}, key: mode}}}}\n        - {{name: LEVEL, value: \"3\"}}\n        \
         ports:\n        - {{name: http, containerPort: 8080, protocol: TCP}}\n        resources:\n          requests: \
         {{cpu: 100m, memory: 64Mi}}\n          limits: {{memory: 128Mi}}\n        readinessProbe:\n          httpGet: \
         {{path: /healthz, port: http}}\n        volumeMounts:\n        - {{name: config, mountPath: /etc/app}}\n      \
         volumes:\n      - name: config\n        configMap: {{name: app-{number}}}\n---\napiVersion: v1\nkind: \
         Service\nmetadata:\n  name: app-{number}\nspec:\n  selector: {{app: app-{number}}}\n  ports:\n  - {{name: http, \
         port: 80, targetPort: http}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app-{number}\ndata:\n  \
         mode: production\n  app.conf: |\n    listen 8080\n    upstream app-{number}.svc\n    timeout 30\n---\napiVersion: \
         v1\nkind: ServiceAccount\nmetadata:\n  name: app-{number}\n---\napiVersion: networking.k8s.io/v1\nkind: \
         Ingress\nmetadata:\n  name: app-{number}\nspec:\n  rules:\n  - host: app-{number}.example\n    http:\n      \
         paths:\n      - path: /\n        pathType: Prefix\n        backend: {{service: {{name: app-{number}, port: \
         {{name: http}}}}}}\n"
    )
}

fn overlay(number: usize) -> String {
    format!(
        "resources:\n- ../../base\nnamespace: team-{number}\nnamePrefix: o{number}-\nlabels:\n- pairs: {{team: \
         t{number}}}\n  includeSelectors: true\nimages:\n- name: registry.example/app-0\n  newTag: \
         \"2.{number}\"\npatches:\n- path: patch.yaml\nconfigMapGenerator:\n- name: extra\n  literals: [a=b, o={number}]\n"
    )
}

fn patch(replicas: usize) -> String {
    format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app-0}}\nspec: {{replicas: {replicas}}}\n")
}

fn tree(objects: usize, overlays: usize) -> MemoryTree {
    let mut tree = MemoryTree::new();
    let mut resources = String::from("resources:\n");
    for number in 0..objects.div_ceil(5) {
        tree.insert(format!("base/app-{number}.yaml"), application(number));
        resources.push_str(&format!("- app-{number}.yaml\n"));
    }
    tree.insert("base/kustomization.yaml", resources);
    for number in 0..overlays {
        tree.insert(format!("overlays/o{number}/kustomization.yaml"), overlay(number));
        tree.insert(format!("overlays/o{number}/patch.yaml"), patch(number % 5 + 1));
    }
    tree
}

/// Milliseconds of one core that something takes: what else the machine does is not counted.
fn time<T>(what: impl FnOnce() -> T) -> (f64, T) {
    let (began, cpu) = (Instant::now(), on_cpu());
    let done = what();
    let nanoseconds = on_cpu().zip(cpu).map(|(after, before)| (after - before) as f64);
    (nanoseconds.unwrap_or_else(|| began.elapsed().as_secs_f64() * 1e9) / 1e6, done)
}

/// Nanoseconds that this thread has run, where Linux tells.
fn on_cpu() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

fn figure(name: &str, milliseconds: f64) {
    println!("{name} {milliseconds:.3} ms - -");
}

fn one(objects: usize) {
    let tree = tree(objects, 1);
    let limits = RenderLimits::default();
    let build = || build_kustomization(&tree, "overlays/o0", limits).expect("it builds");
    build();
    let best = |what: &dyn Fn()| (0..5).map(|_| time(what).0).fold(f64::MAX, f64::min);
    figure(&format!("build-{objects}"), best(&|| drop(build())));
    let built = build();
    figure(&format!("print-{objects}"), best(&|| drop(built.yaml())));
}

fn all_printed(tree: &MemoryTree, memo: &Memo) -> usize {
    let limits = RenderLimits::default();
    (0..OVERLAYS)
        .map(|number| {
            let path = format!("overlays/o{number}");
            let built = build_kustomization_with(memo, tree, &path, limits).expect("it builds");
            built.yaml().expect("YAML").len()
        })
        .sum()
}

fn all_rendered(tree: &MemoryTree, renderer: &mut Renderer) -> usize {
    (0..OVERLAYS)
        .map(|number| {
            let path = format!("overlays/o{number}");
            renderer.render(tree, &RenderRequest::new(&path)).expect("it renders").objects.len()
        })
        .sum()
}

fn many() {
    let mut tree = tree(10, OVERLAYS);
    let memo = Memo::new();
    figure("overlays-print-cold", time(|| all_printed(&tree, &memo)).0);
    figure("overlays-print-again", time(|| all_printed(&tree, &memo)).0);
    let mut renderer = Renderer::default();
    figure("overlays-render-cold", time(|| all_rendered(&tree, &mut renderer)).0);
    tree.insert("overlays/o7/patch.yaml", patch(9));
    tree.entry("").expect("a root");
    figure("overlays-render-one-changed", time(|| all_rendered(&tree, &mut renderer)).0);
    tree.insert("base/app-1.yaml", application(1).replace("production", "staging"));
    tree.entry("").expect("a root");
    figure("overlays-render-base-changed", time(|| all_rendered(&tree, &mut renderer)).0);
    figure("overlays-render-nothing-changed", time(|| all_rendered(&tree, &mut renderer)).0);
}

/// The programs that are compared.
struct Programs {
    skerry: PathBuf,
    kustomize: PathBuf,
    kubectl: PathBuf,
}

/// What a run took.
struct Run {
    milliseconds: f64,
    /// Most memory, in KiB.
    memory: u64,
    output: Vec<u8>,
}

/// Runs a program; time is that of all its threads on a core.
fn run(program: &Path, arguments: &[&str], folder: &Path) -> Run {
    let before = children();
    let began = Instant::now();
    let mut child = Command::new(program);
    let child = child.args(arguments).current_dir(folder).stdin(Stdio::null()).stderr(Stdio::null());
    let file = std::fs::File::create(folder.join("output")).expect("a file");
    let mut child = child.stdout(file).spawn().expect("it runs");
    let mut memory = 0;
    let status = loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        memory = memory.max(peak.unwrap_or(0));
        if let Some(status) = child.try_wait().expect("waited") {
            break status;
        }
        std::thread::park_timeout(std::time::Duration::from_micros(500));
    };
    assert!(status.success(), "{} {arguments:?}", program.display());
    let elapsed = began.elapsed().as_secs_f64() * 1000.0;
    let milliseconds = children().zip(before).map_or(elapsed, |(after, before)| after - before);
    Run { milliseconds, memory, output: std::fs::read(folder.join("output")).expect("output") }
}

/// Milliseconds on a core of all children that have ended: fields 16 and 17 of `stat`, in hundredths of a second.
fn children() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields = stat.rsplit_once(')')?.1;
    let ticks: Vec<f64> = fields.split_whitespace().skip(13).take(2).filter_map(|field| field.parse().ok()).collect();
    Some(ticks.iter().sum::<f64>() * 10.0)
}

/// Runs a program some times; milliseconds are the mean, because the kernel counts in hundredths of a second.
fn mean(program: &Path, arguments: &[&str], folder: &Path, times: u32) -> Run {
    let mut runs: Vec<Run> = (0..times).map(|_| run(program, arguments, folder)).collect();
    let sum: f64 = runs.iter().map(|run| run.milliseconds).sum();
    let memory = runs.iter().map(|run| run.memory).max().unwrap_or(0);
    let last = runs.pop().expect("at least one run");
    Run { milliseconds: sum / f64::from(times), memory, ..last }
}

fn write(tree: &MemoryTree, folder: &Path) {
    for path in tree.paths() {
        let file = folder.join(path);
        std::fs::create_dir_all(file.parent().expect("a parent")).expect("made");
        std::fs::write(file, tree.read(path).expect("a file")).expect("written");
    }
}

/// Prints ours, against theirs.
fn compared(name: &str, ours: &Run, theirs: &[(&str, &Run)]) {
    for (program, run) in theirs {
        let ratio = run.milliseconds / ours.milliseconds.max(0.001);
        println!("{name} {:.1} ms {program}:{:.1} {ratio:.1}", ours.milliseconds, run.milliseconds);
        #[expect(clippy::cast_precision_loss, reason = "a ratio")]
        let ratio = run.memory as f64 / ours.memory.max(1) as f64;
        println!("{name}-memory {} KiB {program}:{} {ratio:.1}", ours.memory, run.memory);
    }
}

fn as_programs(programs: &Programs, folder: &Path, is_long: bool) {
    for (objects, times) in [(10, 20), (100, 10), (1_000, 2), (5_000, 1)] {
        eprintln!("programs, {objects} objects …");
        let at = folder.join(format!("objects-{objects}"));
        write(&tree(objects, 1), &at);
        let ours = mean(&programs.skerry, &["build", "overlays/o0"], &at, times.max(2) * 2);
        if objects == 5_000 && !is_long {
            println!("program-{objects} {:.1} ms - -", ours.milliseconds);
            println!("program-{objects}-memory {} KiB - -", ours.memory);
            continue;
        }
        let kustomize = mean(&programs.kustomize, &["build", "overlays/o0"], &at, times);
        let kubectl = mean(&programs.kubectl, &["kustomize", "overlays/o0"], &at, times);
        assert!(ours.output == kustomize.output, "the output is another than that of kustomize");
        compared(&format!("program-{objects}"), &ours, &[("kustomize", &kustomize), ("kubectl", &kubectl)]);
    }
}

/// Overlays of a tree with 13 objects each, and how many of them the other programs build: what one takes does not
/// depend on the others.
const WHOLE: (usize, usize) = (950, 20);

fn whole_tree(programs: &Programs, folder: &Path) {
    eprintln!("a tree of {} overlays …", WHOLE.0);
    let at = folder.join("whole");
    write(&tree(13, WHOLE.0), &at);
    let ours = run(&programs.skerry, &["build", "--all", "overlays", "--root", "."], &at);
    let mut theirs = Vec::new();
    for (name, program, verb) in
        [("kustomize", &programs.kustomize, "build"), ("kubectl", &programs.kubectl, "kustomize")]
    {
        let runs: Vec<Run> =
            (0..WHOLE.1).map(|number| run(program, &[verb, &format!("overlays/o{number}")], &at)).collect();
        #[expect(clippy::cast_precision_loss, reason = "a ratio")]
        let scale = WHOLE.0 as f64 / WHOLE.1 as f64;
        let milliseconds = runs.iter().map(|run| run.milliseconds).sum::<f64>() * scale;
        let memory = runs.iter().map(|run| run.memory).max().unwrap_or(0);
        theirs.push((name, Run { milliseconds, memory, output: Vec::new() }));
    }
    let theirs: Vec<(&str, &Run)> = theirs.iter().map(|(name, run)| (*name, run)).collect();
    compared(&format!("whole-tree-{}-KiB", ours.output.len() / 1024), &ours, &theirs);
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    for objects in [10, 100, 1_000, 5_000] {
        one(objects);
    }
    many();
    let (paths, flags): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| !argument.starts_with('-'));
    let [skerry, others] = paths.as_slice() else {
        eprintln!("no programs are compared: give `skerry` and the folder of kustomize and kubectl");
        return;
    };
    let others = Path::new(others);
    let programs = Programs {
        skerry: PathBuf::from(skerry),
        kustomize: others.join("kustomize"),
        kubectl: others.join("kubectl"),
    };
    let folder = std::env::temp_dir().join(format!("skerry-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    as_programs(&programs, &folder, flags.iter().any(|flag| *flag == "--long"));
    whole_tree(&programs, &folder);
    std::fs::remove_dir_all(&folder).expect("removed");
}
