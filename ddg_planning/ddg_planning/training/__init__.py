"""Training of the large evaluative models: a program of its own that any machine with torch runs.

Nothing here imports more than torch, torchvision, pyarrow, safetensors and the standard library.
"""
