"""Luma: how bright a colour is, for grids, curves and edges."""

LUMA = (0.299, 0.587, 0.114)
"""Rec. 601 luma of sRGB-encoded R, G, B: the guide of every bilateral grid."""
