"""Learning: the only room that imports torch."""

import torch

# The networks are small: a second thread on a shared machine waits longer than it works.
torch.set_num_threads(1)
