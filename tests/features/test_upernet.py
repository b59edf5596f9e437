"""UPerNet: its shapes, its weights' names, and what its parts do."""

import pytest
import torch

from photostyle.features import UperNet


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    network = UperNet((4, 6, 8, 10), (1, 1, 2, 1), head=6, classes=9).eval()
    for name, parameter in network.named_parameters():
        if "norm" not in name:
            torch.nn.init.normal_(parameter, std=0.4)
    return network.requires_grad_(False)


@pytest.mark.parametrize("size", [(64, 96), (33, 47)])
def test_every_class_has_a_map_at_a_quarter_of_the_size(small, size):
    logits = small(torch.rand(2, 3, *size))
    assert logits.shape == (2, 9, size[0] // 4, size[1] // 4)
    assert logits.isfinite().all()


def test_weights_are_those_of_the_published_files():
    with torch.device("meta"):
        weights = UperNet().state_dict()
    # The file has 241 MB: these, and an auxiliary head of 924,310 values.
    assert sum(value.numel() for value in weights.values() if value.is_floating_point()) == 59331126
    shapes = {
        "backbone.embeddings.patch_embeddings.weight": (96, 3, 4, 4),
        "backbone.embeddings.layernorm.bias": (96,),
        "backbone.encoder.stages.1.downsampling_layer.0.weight": (96,),
        "backbone.encoder.stages.1.downsampling_layer.1.weight": (192, 96, 2, 2),
        "backbone.encoder.stages.2.layers.8.dwconv.weight": (384, 1, 7, 7),
        "backbone.encoder.stages.3.layers.2.layer_scale_parameter": (768,),
        "backbone.encoder.stages.0.layers.0.pwconv1.weight": (384, 96),
        "backbone.hidden_states_norms.stage4.weight": (768,),
        "decode_head.psp_modules.3.1.conv.weight": (512, 768, 1, 1),
        "decode_head.bottleneck.batch_norm.running_var": (512,),
        "decode_head.lateral_convs.2.conv.weight": (512, 384, 1, 1),
        "decode_head.fpn_convs.0.conv.weight": (512, 512, 3, 3),
        "decode_head.fpn_bottleneck.conv.weight": (512, 2048, 3, 3),
        "decode_head.classifier.bias": (150,),
    }
    assert {name: tuple(weights[name].shape) for name in shapes} == shapes


def test_places_see_their_surroundings_and_the_whole_photo(small):
    photo = torch.rand(1, 3, 64, 64)
    other = photo.clone()
    other[..., :8, :8] = 1 - other[..., :8, :8]
    change = (small(photo) - small(other)).abs().amax(1)[0]
    assert change[0, 0] > change[12:, 12:].mean() > 0
