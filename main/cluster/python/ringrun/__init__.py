"""One run of ring attention on torch.distributed: what ring_attention.py is made of."""
