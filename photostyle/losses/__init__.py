"""What a result is asked to be: the style's colours, the content's structure, a photograph.

Every loss takes images as `H W 3`, sRGB-encoded, in [0, 1].
"""

from __future__ import annotations
