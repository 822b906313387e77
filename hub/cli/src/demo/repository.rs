//! The demo's Git repository, made by the `git` program, blind to the machine's configuration.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::DemoError;

/// A repository with a work tree.
pub(super) struct Repository {
    path: PathBuf,
}

impl Repository {
    /// Makes one with the layout `apps/base`, `apps/overlays/*` and the fleet's documents.
    pub(super) async fn create(path: &Path) -> Result<Self, DemoError> {
        std::fs::create_dir_all(path)?;
        let repository = Self { path: path.to_owned() };
        repository.git(&["init", "--quiet", "--initial-branch=main", "."]).await?;
        for (name, text) in FILES {
            repository.write(name, &text.replace("@URL@", &repository.url()))?;
        }
        for (environment, replicas) in [("development", 1), ("staging", 2), ("production", 3)] {
            let folder = format!("apps/overlays/{environment}");
            let text = OVERLAY.replace("@REPLICAS@", &replicas.to_string()).replace("@ENV@", environment);
            repository.write(&format!("{folder}/kustomization.yaml"), &text)?;
        }
        repository.commit("The shop, for three environments").await?;
        Ok(repository)
    }

    /// The URL by which the hub reads it.
    pub(super) fn url(&self) -> String {
        format!("file://{}", self.path.display())
    }

    /// Writes a file.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), DemoError> {
        let path = self.path.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(std::fs::write(path, text)?)
    }

    /// Replaces a text in a file.
    pub(super) fn replace(&self, name: &str, from: &str, to: &str) -> Result<(), DemoError> {
        let text = std::fs::read_to_string(self.path.join(name))?;
        if !text.contains(from) {
            return Err(format!("`{name}` does not contain `{from}`").into());
        }
        self.write(name, &text.replacen(from, to, 1))
    }

    /// Commits everything; gives the commit's id.
    pub(super) async fn commit(&self, message: &str) -> Result<String, DemoError> {
        self.git(&["add", "--all"]).await?;
        self.git(&["commit", "--quiet", "--message", message]).await?;
        self.git(&["rev-parse", "HEAD"]).await
    }

    /// Reverts the newest commit; gives the new commit's id.
    pub(super) async fn revert(&self) -> Result<String, DemoError> {
        self.git(&["revert", "--no-edit", "HEAD"]).await?;
        self.git(&["rev-parse", "HEAD"]).await
    }

    async fn git(&self, arguments: &[&str]) -> Result<String, DemoError> {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(&self.path);
        for (name, value) in ENVIRONMENT {
            command.env(name, value);
        }
        let output =
            command.output().await.map_err(|error| format!("`git` cannot be run (is it installed?): {error}"))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(format!("`git {}` failed: {text}", arguments.join(" ")).into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// No configuration of the machine counts, nothing asks, and commits have an author.
const ENVIRONMENT: [(&str, &str); 7] = [
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_AUTHOR_NAME", "demo"),
    ("GIT_AUTHOR_EMAIL", "demo@example.invalid"),
    ("GIT_COMMITTER_NAME", "demo"),
    ("GIT_COMMITTER_EMAIL", "demo@example.invalid"),
];

const OVERLAY: &str = "\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../../base]
namespace: shop
replicas:
  - {name: web, count: @REPLICAS@}
configMapGenerator:
  - name: settings
    literals: [environment=@ENV@]
";

const FILES: [(&str, &str); 7] = [
    (
        "apps/base/kustomization.yaml",
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [namespace.yaml, web.yaml, service.yaml, secret.yaml]\n",
    ),
    ("apps/base/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"),
    (
        "apps/base/web.yaml",
        "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: registry.example/shop/web:1.0
          envFrom:
            - configMapRef: {name: settings}
          ports:
            - containerPort: 8080
",
    ),
    (
        "apps/base/service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  selector: {app: web}\n  ports:\n    - port: 80\n      targetPort: 8080\n",
    ),
    (
        "apps/base/secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: database}\nstringData: {password: not-in-any-bundle-in-clear}\n",
    ),
    (
        "fleet/shop.yaml",
        "\
apiVersion: skerry.dev/v1alpha1
kind: Source
metadata: {name: shop}
spec:
  git:
    url: @URL@
    ref: {branch: main}
    interval: 5s
---
apiVersion: skerry.dev/v1alpha1
kind: Application
metadata: {name: web}
spec:
  sources:
    - {from: shop, path: \"apps/overlays/${cluster.labels.env}\"}
  namespace: shop
",
    ),
    (
        "fleet/groups.yaml",
        "\
apiVersion: skerry.dev/v1alpha1
kind: ClusterGroup
metadata: {name: development}
spec:
  selector: {matchLabels: {env: development}}
  applications: [web]
---
apiVersion: skerry.dev/v1alpha1
kind: ClusterGroup
metadata: {name: staging}
spec:
  selector: {matchLabels: {env: staging}}
  applications: [web]
---
apiVersion: skerry.dev/v1alpha1
kind: ClusterGroup
metadata: {name: production}
spec:
  selector: {matchLabels: {env: production}}
  applications: [web]
",
    ),
];
