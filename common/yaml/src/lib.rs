//! YAML as a tree of nodes that keeps text, style, comments and lines.
