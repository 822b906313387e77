//! Renders plain YAML and Kustomize trees to Kubernetes objects, without IO.
