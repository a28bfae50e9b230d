"""The parts of `aware --help`, in the order of a day's work."""

PREPARE = "Before the first run"
LEARN = "Learn, prove, retrain"
LOOK = "Look at a finished run"
OPERATE = "On a cluster"
KUBEFLOW = "Kubeflow Pipelines"
COMPARE = "Compare with others"
