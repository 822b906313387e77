# The same steps as tests/run, for those who have just.

# The main job, in about a minute.
demo:
    cargo run --release --bin skerry -- demo

# All tests, or one part: just test lint
test *PARTS:
    tests/run {{PARTS}}

# A real control plane; prints its kubeconfig.
up NAME:
    tests/cluster up {{NAME}}

# Removes it.
down NAME:
    tests/cluster down {{NAME}}
