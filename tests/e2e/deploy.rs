//! What `deploy/` installs: manifests that a real API server takes without a warning, rights that are as wide as
//! they say and no wider, arguments that the programs know, and units that systemd accepts.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Parser as _;
use serde_json::{Value, json};
use skerry_agent::cli::{AdminAddress, AgentCommand, AgentCommandLine, RunArgs};
use skerry_agent::cluster::kube::{Access, KubeCluster};
use skerry_agent::cluster::{ApiKind, Apply, Cluster as _, ClusterError, Target};
use skerry_hub::command_line::{HubCommand, HubCommandLine};
use skerry_hub::config::HubConfig;
use skerry_render::{MemoryTree, RenderRequest, render};
use skerry_tests::controlplane::{ControlPlane, ControlPlaneOptions};
use skerry_tests::wait::eventually;

/// Wide: effects take milliseconds, but machines may be busy.
const DEADLINE: Duration = Duration::from_secs(60);

/// How exposed a unit may be in the words of `systemd-analyze security`, times ten: «OK» ends at 40.
const EXPOSURE_MAX: u32 = 20;

/// Everything that is meant to be built by itself.
const OVERLAYS: [&str; 4] = ["agent/cluster-wide", "agent/namespaced", "agent/join", "hub"];

const ACCOUNT: &str = "system:serviceaccount:skerry-system:skerry-agent";

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the checkout").to_owned()
}

fn deploy(path: &str) -> PathBuf {
    checkout().join("deploy").join(path)
}

fn stdout_of(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What the upstream `kustomize` makes of an overlay.
fn built_upstream(folder: &Path) -> String {
    let programs = stdout_of(Command::new(checkout().join("tests/controlplane/build")).arg("kustomize"));
    let kustomize = Path::new(programs.lines().last().unwrap_or_default()).join("kustomize");
    stdout_of(Command::new(kustomize).arg("build").arg(folder))
}

fn load(tree: &mut MemoryTree, root: &Path, folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            load(tree, root, &path);
            continue;
        }
        let name = path.strip_prefix(root).expect("below").to_str().expect("UTF-8");
        tree.insert(name, std::fs::read(&path).expect("a file"));
    }
}

fn objects(tree: &MemoryTree, path: &str) -> Vec<Value> {
    let rendered = render(tree, &RenderRequest::new(path)).unwrap_or_else(|problems| panic!("{path}: {problems:#?}"));
    assert!(rendered.warnings.is_empty(), "{path}: {:#?}", rendered.warnings);
    rendered.objects.into_iter().map(|object| object.value).collect()
}

/// What Skerry makes of an overlay.
fn built_by_us(overlay: &str) -> Vec<Value> {
    let mut tree = MemoryTree::new();
    load(&mut tree, &deploy(""), &deploy(""));
    objects(&tree, overlay)
}

fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let wanted = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
    objects.iter().find(wanted).unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

/// The words of a unit's `ExecStart`.
fn exec_start(unit: &str) -> Vec<String> {
    let text = std::fs::read_to_string(deploy("systemd").join(unit)).expect("the unit");
    let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("ExecStart");
    line.split(' ').map(str::to_owned).collect()
}

pub(crate) async fn install(plane: &ControlPlane, overlay: &str) {
    let manifests = built_upstream(&deploy(overlay));
    let arguments = ["apply", "--server-side", "--warnings-as-errors", "--validate=strict", "-f", "-"];
    let applied =
        plane.kubectl_stdin(&arguments, &manifests).await.unwrap_or_else(|error| panic!("{overlay}: {error}"));
    assert_eq!(applied.lines().count(), built_by_us(overlay).len(), "{applied}");
    let again = plane.kubectl_stdin(&["diff", "--server-side", "-f", "-"], &manifests).await;
    assert_eq!(again.unwrap_or_else(|error| panic!("{overlay} is changed by the server: {error}")), "");
}

/// Whether the agent's account may do this, as the API server's authorizers say.
async fn may(plane: &ControlPlane, verb: &str, resource: &str, namespace: &str, name: &str) -> bool {
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": ACCOUNT, "groups": ["system:serviceaccounts", "system:authenticated"], "resourceAttributes": {
            "verb": verb, "group": group, "resource": resource, "subresource": subresource,
            "namespace": namespace, "name": name,
        }},
    });
    let answer =
        plane.kubectl_stdin(&["create", "-f", "-", "-o", "json"], &review.to_string()).await.expect("an answer");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    answer["status"]["allowed"].as_bool().expect("allowed or not")
}

/// The agent's own client, as the account that the manifests made.
async fn as_agent(plane: &ControlPlane) -> KubeCluster {
    skerry_certs::tls::install_provider();
    let folder = plane.account_mount("skerry-system", "skerry-agent").await.expect("a mounted token");
    let access = Access::ServiceAccount { server: plane.server_url().to_owned(), folder };
    KubeCluster::new(&access).await.expect("a client")
}

fn target(group: &str, kind: &str, plural: &str, namespace: Option<&str>, name: &str) -> Target {
    let (group, version) = (group.to_owned(), "v1".to_owned());
    let kind =
        ApiKind { group, version, kind: kind.to_owned(), plural: plural.to_owned(), namespaced: namespace.is_some() };
    Target { kind, namespace: namespace.map(str::to_owned), name: name.to_owned() }
}

async fn label(agent: &KubeCluster, target: &Target) -> Result<(), ClusterError> {
    let mut object = json!({
        "apiVersion": target.kind.api_version(), "kind": target.kind.kind,
        "metadata": {"name": target.name, "labels": {"tried": "yes"}},
    });
    if let Some(namespace) = &target.namespace {
        object["metadata"]["namespace"] = json!(namespace);
    }
    agent.apply(target, &object, Apply::forced("skerry")).await.map(|_| ())
}

const RBAC: &str = "rbac.authorization.k8s.io";

#[test]
fn skerry_renders_its_own_manifests_as_kustomize_does() {
    for overlay in OVERLAYS {
        let mut upstream = MemoryTree::new();
        upstream.insert("upstream.yaml", built_upstream(&deploy(overlay)));
        assert_eq!(built_by_us(overlay), objects(&upstream, "upstream.yaml"), "{overlay}");
    }
}

#[tokio::test]
async fn with_listed_namespaces_the_agent_writes_there_and_nowhere_else() {
    let plane = ControlPlane::start(ControlPlaneOptions::api_only("namespaced")).await.expect("a control plane");
    for namespace in ["shop", "other"] {
        plane.kubectl(&["create", "namespace", namespace]).await.expect("created");
    }
    install(&plane, "agent/namespaced").await;

    for verb in ["get", "list", "watch", "create", "patch", "delete"] {
        assert!(may(&plane, verb, "deployments.apps", "shop", "").await, "{verb}");
        assert!(!may(&plane, verb, "deployments.apps", "other", "").await, "{verb}");
        assert!(!may(&plane, verb, "secrets", "skerry-system", "").await, "{verb}");
        assert!(!may(&plane, verb, "namespaces", "", "skerry-system").await, "{verb}");
    }
    for verb in ["create", "update", "patch", "delete", "escalate", "bind"] {
        for (resource, namespace, name) in [
            ("roles", "shop", "skerry-agent"),
            ("rolebindings", "shop", "skerry-agent"),
            ("clusterroles", "", "skerry-agent-discovery"),
            ("clusterrolebindings", "", "skerry-agent-discovery"),
        ] {
            assert!(!may(&plane, verb, &format!("{resource}.{RBAC}"), namespace, name).await, "{verb} {resource}");
        }
    }
    assert!(!may(&plane, "create", "pods/exec", "shop", "").await);
    assert!(!may(&plane, "create", "serviceaccounts/token", "shop", "").await);

    let agent = as_agent(&plane).await;
    let discovery = agent.discover().await.expect("discovery");
    assert!(discovery.gaps.is_empty() && discovery.find("apps", "Deployment").is_some());
    label(&agent, &target("", "ConfigMap", "configmaps", Some("shop"), "ours")).await.expect("written");
    for forbidden in [
        target("", "ConfigMap", "configmaps", Some("other"), "theirs"),
        target("", "Namespace", "namespaces", None, "shop"),
        target(RBAC, "Role", "roles", Some("shop"), "skerry-agent"),
    ] {
        let refused = label(&agent, &forbidden).await;
        assert!(matches!(refused, Err(ClusterError::Forbidden { .. })), "{forbidden}: {refused:?}");
    }
}

#[tokio::test]
async fn with_the_whole_cluster_the_agent_still_does_not_write_its_own_rights() {
    let plane = ControlPlane::start(ControlPlaneOptions::api_only("cluster-wide")).await.expect("a control plane");
    install(&plane, "agent/join").await;
    install(&plane, "agent/cluster-wide").await;

    assert!(may(&plane, "patch", "deployments.apps", "shop", "").await);
    assert!(may(&plane, "create", "customresourcedefinitions.apiextensions.k8s.io", "", "").await);
    for (verb, resource) in [("escalate", "clusterroles"), ("bind", "clusterroles"), ("escalate", "roles")] {
        assert!(!may(&plane, verb, &format!("{resource}.{RBAC}"), "", "").await, "{verb} {resource}");
    }
    for resource in ["users", "groups", "serviceaccounts"] {
        assert!(!may(&plane, "impersonate", resource, "", "").await, "{resource}");
    }

    let agent = as_agent(&plane).await;
    label(&agent, &target("", "Namespace", "namespaces", None, "shop")).await.expect("written");
    label(&agent, &target(RBAC, "ClusterRole", "clusterroles", None, "theirs")).await.expect("written");
    let deployments = target("apps", "Deployment", "deployments", Some("shop"), "").kind;
    assert!(agent.may("patch", &deployments, Some("shop")).await.expect("an answer"), "asking is no write");
    let own = [
        target(RBAC, "ClusterRole", "clusterroles", None, "skerry-agent"),
        target(RBAC, "ClusterRoleBinding", "clusterrolebindings", None, "skerry-agent"),
        target("", "Namespace", "namespaces", None, "skerry-system"),
        target("", "ServiceAccount", "serviceaccounts", Some("skerry-system"), "skerry-agent"),
        target("", "ConfigMap", "configmaps", Some("skerry-system"), "new"),
    ];
    for target in own {
        // A new policy comes into force within a second or two.
        eventually(DEADLINE, "the guard refuses", || async {
            match label(&agent, &target).await {
                Err(ClusterError::Forbidden { message }) if message.contains("skerry-agent-guard") => Ok(()),
                other => Err(format!("{target}: {other:?}")),
            }
        })
        .await;
    }
    // One by one, and as a collection, which carries no name.
    let by_name = format!("/apis/{RBAC}/v1/clusterroles/skerry-agent?dryRun=All");
    let as_collection = format!("/apis/{RBAC}/v1/clusterroles?dryRun=All&fieldSelector=metadata.name%3Dskerry-agent");
    let own_namespace = "/api/v1/namespaces/skerry-system?dryRun=All".to_owned();
    for path in [by_name, as_collection, own_namespace] {
        let refused = plane.kubectl(&["delete", "--raw", &path, &format!("--as={ACCOUNT}")]).await;
        let refused = refused.expect_err("refused").to_string();
        assert!(refused.contains("skerry-agent-guard"), "{path}: {refused}");
    }
    let more = json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": {"name": "more"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    });
    let more =
        agent.apply(&target(RBAC, "ClusterRole", "clusterroles", None, "more"), &more, Apply::forced("skerry")).await;
    assert!(matches!(more, Err(ClusterError::Forbidden { .. })), "{more:?}");
}

#[tokio::test]
async fn the_hub_is_installed_without_any_right_in_its_cluster() {
    let plane = ControlPlane::start(ControlPlaneOptions::api_only("hub")).await.expect("a control plane");
    install(&plane, "hub").await;
    let pod = &find(&built_by_us("hub"), "Deployment", "skerry-hub")["spec"]["template"]["spec"].clone();
    assert_eq!(pod["automountServiceAccountToken"], false);
    let bindings = plane.kubectl_json(&["get", "rolebindings,clusterrolebindings", "-A"]).await.expect("bindings");
    assert!(!bindings.to_string().contains("skerry-hub"));
}

#[test]
fn the_hub_knows_its_configuration_and_arguments() {
    let config = HubConfig::load(&deploy("hub/hub.toml")).expect("the configuration");
    let objects = built_by_us("hub");
    let pod = &find(&objects, "Deployment", "skerry-hub")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let mounts = container["volumeMounts"].as_array().expect("mounts");
    let data =
        mounts.iter().find(|mount| mount["name"] == "data").expect("data")["mountPath"].as_str().expect("a path");
    assert!(config.data_folder.starts_with(data));
    let ports: Vec<_> =
        container["ports"].as_array().expect("ports").iter().map(|port| &port["containerPort"]).collect();
    assert_eq!(ports, [&json!(config.link.listen.port()), &json!(config.api.listen.port())]);

    let known = |arguments: Vec<String>| HubCommandLine::try_parse_from(arguments).expect("known arguments").command;
    let serve = known([vec!["skerry-hub".to_owned()], texts(&container["args"])].concat());
    assert!(matches!(serve, HubCommand::Serve(serve) if serve.config == Path::new("/etc/skerry/hub.toml")));
    assert!(matches!(known(exec_start("skerry-hub.service")), HubCommand::Serve(_)));
    let script = texts(&pod["initContainers"][0]["command"]).pop().expect("a script");
    let words = script.split(" && ").find(|step| step.starts_with("skerry-hub ")).expect("restore");
    assert!(matches!(known(words.split(' ').map(str::to_owned).collect()), HubCommand::Restore(_)));
}

#[test]
fn the_hub_restores_once_and_starts_over_when_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = |name: &str| folder.path().join(name);
    let objects = built_by_us("hub");
    let pod = &find(&objects, "Deployment", "skerry-hub")["spec"]["template"]["spec"];
    let script = texts(&pod["initContainers"][0]["command"]).pop().expect("a script");
    let script = script.replace("/var/lib/skerry-hub", here("volume").to_str().expect("UTF-8"));
    // A stand-in for `skerry-hub restore --folder FOLDER …`, which refuses a folder that holds a hub.
    let stand_in =
        "#!/bin/sh\ntest ! -e $3/hub.toml || exit 2\nmkdir -p $3/data && touch $3/hub.toml && test ! -e killed\n";
    std::fs::write(here("skerry-hub"), stand_in).expect("written");
    stdout_of(Command::new("chmod").arg("+x").arg(here("skerry-hub")));
    std::fs::create_dir(here("volume")).expect("made");
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let start = || {
        let status =
            Command::new("/bin/sh").args(["-c", &script]).env("PATH", &path).current_dir(folder.path()).status();
        status.expect("runs").success()
    };
    std::fs::write(here("killed"), "").expect("written");
    assert!(!start() && !here("volume/data").exists(), "half a restore is not taken");
    std::fs::remove_file(here("killed")).expect("removed");
    assert!(start() && here("volume/data").exists());
    std::fs::write(here("killed"), "").expect("written");
    assert!(start(), "what is there is left alone");
}

/// The arguments of the agent's container, as the agent reads them.
fn agent_arguments(objects: &[Value]) -> RunArgs {
    let pod = &find(objects, "Deployment", "skerry-agent")["spec"]["template"]["spec"];
    let arguments = [vec!["skerry-agent".to_owned()], texts(&pod["containers"][0]["args"])].concat();
    let line = AgentCommandLine::try_parse_from(arguments).expect("known arguments");
    assert_eq!(
        line.state_folder,
        Path::new(pod["containers"][0]["volumeMounts"][0]["mountPath"].as_str().expect("a path"))
    );
    let AgentCommand::Run(run) = line.command else { panic!("not run") };
    let port = pod["containers"][0]["ports"][0]["containerPort"].as_u64().expect("a port");
    assert!(matches!(run.admin, AdminAddress::At(address) if u64::from(address.port()) == port));
    assert_eq!(run.own_namespace, "skerry-system");
    run
}

#[test]
fn the_agent_knows_its_arguments() {
    let everywhere = agent_arguments(&built_by_us("agent/cluster-wide"));
    assert!(everywhere.namespaces.is_empty() && !everywhere.offline);
    assert_eq!(agent_arguments(&built_by_us("agent/namespaced")).namespaces, ["shop"]);
    let unit = AgentCommandLine::try_parse_from(exec_start("skerry-agent.service")).expect("known arguments");
    assert_eq!(unit.state_folder, Path::new("/var/lib/skerry-agent"));
    assert!(matches!(unit.command, AgentCommand::Run(_)));
}

#[test]
fn a_site_without_a_network_adds_one_component() {
    let folder = tempfile::tempdir().expect("a folder");
    stdout_of(Command::new("cp").arg("-r").arg(deploy("agent")).arg(folder.path()));
    let site = folder.path().join("site");
    std::fs::create_dir(&site).expect("made");
    let text = "resources: [../agent/cluster-wide]\ncomponents: [../agent/offline]\n";
    std::fs::write(site.join("kustomization.yaml"), text).expect("written");
    let mut tree = MemoryTree::new();
    load(&mut tree, folder.path(), folder.path());
    tree.insert("upstream.yaml", built_upstream(&site));
    let ours = objects(&tree, "site");
    assert_eq!(ours, objects(&tree, "upstream.yaml"));
    assert!(agent_arguments(&ours).offline);
}

#[test]
fn every_pod_is_confined() {
    for (overlay, name) in
        [("agent/cluster-wide", "skerry-agent"), ("agent/namespaced", "skerry-agent"), ("hub", "skerry-hub")]
    {
        let objects = built_by_us(overlay);
        let deployment = find(&objects, "Deployment", name);
        assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
        let pod = &deployment["spec"]["template"]["spec"];
        assert_eq!(
            (&pod["securityContext"]["runAsUser"], &pod["securityContext"]["runAsNonRoot"]),
            (&json!(65532), &json!(true))
        );
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        for list in ["containers", "initContainers"] {
            for container in pod[list].as_array().into_iter().flatten() {
                let security = &container["securityContext"];
                assert_eq!(security["readOnlyRootFilesystem"], true, "{container}");
                assert_eq!(security["allowPrivilegeEscalation"], false, "{container}");
                assert_eq!(security["capabilities"], json!({"drop": ["ALL"]}), "{container}");
                assert!(container["resources"]["limits"]["memory"].is_string(), "{container}");
            }
        }
        let probed = &pod["containers"][0];
        assert_eq!(probed["livenessProbe"]["httpGet"]["path"], "/healthz");
        assert_eq!(probed["readinessProbe"]["httpGet"]["path"], "/readyz");
        assert!(find(&objects, "NetworkPolicy", name)["spec"]["egress"].is_array());
    }
}

#[test]
fn images_are_built_by_the_script_that_the_tests_run() {
    let text = std::fs::read_to_string(deploy("Dockerfile")).expect("the Dockerfile");
    let instructions = text.replace("\\\n", " ");
    let built: Vec<_> =
        instructions.lines().filter(|line| line.starts_with("RUN ") && !line.contains("apt-get")).collect();
    assert!(
        matches!(built[..], ["RUN tests/package /programs", user] if user.contains("useradd --uid 65532")),
        "{built:?}"
    );
    let image =
        |name: &str| text.split("\nFROM ").find(|stage| stage.contains(&format!(" AS {name}\n"))).expect("a stage");
    assert!(image("hub").contains("openssh-client"));
    assert!(image("hub").contains("/programs/skerry-hub /programs/skerry "), "operators ask it where it runs");
    assert!(!image("agent").contains("apt-get"));
}

#[test]
fn systemd_accepts_the_units() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        // `tests/run` installs it.
        use std::io::Write as _;
        writeln!(std::io::stderr(), "skipped: `systemd-analyze` is missing (Debian's package `systemd`)")
            .expect("stderr");
        return;
    }
    // The programs need not be installed: stand-ins lie where the copies of the units look.
    let folder = tempfile::tempdir().expect("a folder");
    for program in ["skerry-hub", "skerry-agent"] {
        std::fs::copy("/bin/true", folder.path().join(program)).expect("a stand-in");
        let unit = format!("{program}.service");
        let text = std::fs::read_to_string(deploy("systemd").join(&unit)).expect("the unit");
        let text = text.replace("/usr/local/bin", folder.path().to_str().expect("UTF-8"));
        let copy = folder.path().join(&unit);
        std::fs::write(&copy, text).expect("written");
        let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&copy).output().expect("runs");
        let said = String::from_utf8_lossy(&verified.stderr);
        assert!(verified.status.success() && !said.contains(&unit), "{unit}: {said}");
        let threshold = format!("--threshold={EXPOSURE_MAX}");
        stdout_of(
            Command::new("systemd-analyze").args(["security", "--offline=true", "--no-pager", &threshold]).arg(&copy),
        );
    }
}
