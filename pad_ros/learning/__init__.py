"""How the learned comparison is made: lessons from objects with known defects in, a network (ONNX) out.

Nothing here runs in training a product or in inspection. PyTorch is needed by `network` and `train` alone.
"""
