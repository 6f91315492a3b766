"""Models that a scenario can name."""

import socket
from typing import Any
from urllib.error import URLError

import pytest
import timm
import torch

from simulator.learning.models.build import build
from simulator.learning.models.stages import FAMILIES, NotStagedError
from simulator.settings.errors import UnfitError


def test_the_bundled_model_has_its_weights_and_a_new_classifier() -> None:
    one, two = (build("bundled", 32, 10, seed=seed).model.state_dict() for seed in (0, 1))
    same = {name for name in one if torch.equal(one[name], two[name])}
    assert {name for name in one if not name.startswith("head.")} <= same
    assert not torch.equal(one["head.weight"], two["head.weight"])
    assert one["head.weight"].shape == (10, 128)
    assert all(tensor.dtype == torch.float32 for tensor in one.values())


def test_the_checkpoint_s_own_classifier_where_the_classes_are_as_many() -> None:
    one, two = (build("bundled", 32, 200, seed=seed).model.state_dict() for seed in (0, 1))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_random_is_the_same_shape_with_other_weights() -> None:
    bundled, random, again, other = (
        build(name, 32, 10, seed=seed).model.state_dict()
        for name, seed in (("bundled", 0), ("random", 0), ("random", 0), ("random", 1))
    )
    assert {n: t.shape for n, t in random.items()} == {n: t.shape for n, t in bundled.items()}
    assert all(torch.equal(random[name], again[name]) for name in random)
    assert not torch.equal(random["blocks.0.attn.qkv.weight"], bundled["blocks.0.attn.qkv.weight"])
    assert not torch.equal(random["blocks.0.attn.qkv.weight"], other["blocks.0.attn.qkv.weight"])


@pytest.mark.parametrize("size", [8, 16, 48])
def test_the_bundled_model_at_another_size(size: int) -> None:
    """Position embeddings are resampled; everything else stays."""
    small, usual = (build("bundled", side, 10, seed=0).model for side in (size, 32))
    assert small.pos_embed.shape == (1, 1 + (size // 4) ** 2, 128)
    assert torch.equal(small.blocks[3].mlp.fc1.weight, usual.blocks[3].mlp.fc1.weight)
    assert torch.equal(small.pos_embed[:, 0], usual.pos_embed[:, 0])
    with torch.no_grad():
        assert small.eval()(torch.randn(2, 3, size, size)).shape == (2, 10)


def test_the_bundled_model_at_a_size_that_is_no_multiple_of_its_patches() -> None:
    with pytest.raises(UnfitError, match="into patches of 4 pixels: 30 is not a multiple"):
        build("bundled", 30, 10, seed=0)


def test_building_draws_nothing_from_the_global_stream() -> None:
    torch.manual_seed(3)
    wanted = torch.rand(3)
    torch.manual_seed(3)
    build("random", 32, 10, seed=0)
    assert torch.equal(torch.rand(3), wanted)


def test_a_timm_model_by_name() -> None:
    built = build("vit_tiny_patch16_224", 32, 7, seed=0, pretrained=False)
    assert built.model.head.weight.shape == (7, 192)
    assert built.model.pos_embed.shape == (1, 5, 192)
    assert built.statistics == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def test_dry_models_are_on_meta_and_load_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", None)
    for name in ("bundled", "random", "vit_large_patch16_224"):
        model = build(name, 224, 10, seed=0, dry=True).model
        assert all(parameter.is_meta for parameter in model.parameters())


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "vit_base_patch16_clip_224", "resnet10t", "resnet18"])
def test_dry_models_are_real_ones_without_values(name: str) -> None:
    dry, real = (build(name, 224, 10, seed=0, pretrained=False, dry=dry).model for dry in (True, False))
    assert [(key, each.shape, each.dtype) for key, each in dry.state_dict().items()] == [
        (key, each.shape, each.dtype) for key, each in real.state_dict().items()
    ]
    assert all(each.is_meta for each in dry.state_dict().values())
    assert str(dry) == str(real)


@pytest.mark.parametrize(
    ("name", "near"),
    [("bundeld", "bundled"), ("vit_tinny_patch16_224", "vit_tiny_patch16_224"), ("randm", "random")],
)
def test_an_unknown_name_has_a_near_miss(name: str, near: str) -> None:
    with pytest.raises(UnfitError, match=f"no model is called '{name}'.*{near}"):
        build(name, 32, 10, seed=0)


@pytest.mark.parametrize("name", ["resnetv2_50", "convnext_tiny", "eva02_tiny_patch14_224"])
def test_another_kind_of_model_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(NotStagedError, match=f"'{name}' is a .*; {FAMILIES} is wanted"):
        build(name, 224, 10, seed=0, pretrained=False, dry=True)


def test_a_size_that_a_timm_model_cannot_take() -> None:
    for size in (8, 40):
        with pytest.raises(
            UnfitError, match=f"'vit_tiny_patch16_224' .*patches of 16 pixels: {size} is not a multiple"
        ):
            build("vit_tiny_patch16_224", size, 10, seed=0, pretrained=False)


@pytest.mark.parametrize("size", [8, 33])
def test_a_resnet_takes_images_of_any_size(size: int) -> None:
    built = build("resnet18", size, 7, seed=0, pretrained=False)
    assert built.model.fc.weight.shape == (7, 512)
    assert built.statistics == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    with torch.no_grad():
        assert built.model.eval()(torch.randn(2, 3, size, size)).shape == (2, 7)


def test_a_resnet_whose_parts_a_size_is_too_small_for() -> None:
    with pytest.raises(UnfitError, match=r"'resnetaa34d' cannot be built for 8 x 8 pixels: .*too small") as found:
        build("resnetaa34d", 8, 7, seed=0, pretrained=False, dry=True)
    assert (found.value.path, found.value.value) == (("image_size",), 8)


VIT = {"patch_size": 4, "embed_dim": 24, "depth": 2, "num_heads": 2}


def test_keywords_are_timms_own() -> None:
    built = build("vit_tiny_patch16_224", 32, 7, seed=3, pretrained=False, keywords=VIT).model.state_dict()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        theirs = timm.create_model("vit_tiny_patch16_224", img_size=32, num_classes=7, **VIT).state_dict()
    assert built.keys() == theirs.keys()
    assert all(torch.equal(built[name], theirs[name]) for name in theirs)


def test_keywords_of_a_resnet() -> None:
    keywords = {"layers": [1, 0, 2, 1], "channels": [8, 8, 8, 16], "stem_type": "deep", "stem_width": 4}
    model = build("resnet18", 32, 7, seed=0, pretrained=False, keywords={**keywords, "avg_down": True}).model
    assert [len(model.get_submodule(f"layer{number}")) for number in (1, 2, 3, 4)] == [1, 0, 2, 1]
    assert model.fc.weight.shape == (7, 16)


@pytest.mark.parametrize(
    ("name", "keywords", "where", "said"),
    [
        ("vit_tiny_patch16_224", {"img_size": 32}, ("keywords", "img_size"), "not a keyword here: use image_size"),
        ("vit_tiny_patch16_224", {"num_classes": 3}, ("keywords", "num_classes"), "the data say how many classes"),
        (
            "resnet18",
            {"in_chans": 1},
            ("keywords", "in_chans"),
            "in_chans is not a keyword here: images have three chan",
        ),
        ("resnet18", {"pretrained": True}, ("keywords", "pretrained"), "it is a key of its own, beside the keywords"),
        ("resnet18", {"device": "cuda"}, ("keywords", "device"), "device is not a keyword here: use torch_device"),
        ("vit_tiny_patch16_224", {"dtype": "fp16"}, ("keywords", "dtype"), "all computing is in float32"),
        (
            "vit_tiny_patch16_224",
            {"depht": 4},
            ("keywords", "depht"),
            "'vit_tiny_patch16_224' takes no such keyword; did you mean \"depth\"? (allowed: patch_size, global_pool, ",
        ),
        ("resnet18", {"depth": 4}, ("keywords", "depth"), "'resnet18' takes no such keyword (allowed: block, layers, "),
        ("resnet18", {"checkpoint_path": "x"}, ("keywords", "checkpoint_path"), "takes no such keyword"),
        (
            "vit_tiny_patch16_224",
            {"embed_dim": 130, "num_heads": 4},
            ("keywords",),
            "'vit_tiny_patch16_224' cannot be built with these keywords for 32 x 32 pixels: dim should be divisible by",
        ),
        ("vit_tiny_patch16_224", {"depth": "six"}, ("keywords",), "cannot be built with these keywords for 32 x 32"),
        ("resnet18", {"layers": [1, 1]}, ("keywords",), "cannot be built with these keywords for 32 x 32 pixels: "),
        ("random", {"depth": 2}, ("keywords",), "the shape of the random model is fixed: name 'vit_tiny_patch16_224'"),
        ("bundled", {"depth": 2}, ("keywords",), "the shape of the bundled model is fixed"),
    ],
)
@pytest.mark.parametrize("dry", [True, False])
def test_wrong_keywords(dry: bool, name: str, keywords: dict[str, Any], where: tuple[str, ...], said: str) -> None:
    with pytest.raises(UnfitError) as found:
        build(name, 32, 10, seed=0, pretrained=False, dry=dry, keywords=keywords)
    assert said in str(found.value)
    assert found.value.path == where


@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("vit_tiny_patch16_224", {"patch_size": 4}),
        ("vit_tiny_patch16_224", {"reg_tokens": 2, "depth": 12}),
        ("resnet18", {"layers": [1, 1, 1, 1]}),
        ("resnet18", {"norm_layer": "groupnorm"}),
    ],
)
def test_published_weights_are_for_the_usual_shape(name: str, keywords: dict[str, Any]) -> None:
    with pytest.raises(UnfitError) as found:
        build(name, 32, 10, seed=0, dry=True, keywords=keywords)
    said = f"with {', '.join(keywords)} '{name}' has another shape than its published weights: say 'pretrained: false'"
    assert said in str(found.value)


def test_published_weights_with_keywords_that_leave_the_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    create, asked = timm.create_model, []

    def watch(*args: Any, pretrained: bool, **settings: Any) -> Any:
        asked.append((pretrained, settings.get("num_heads")))
        return create(*args, **settings)

    monkeypatch.setattr(timm, "create_model", watch)
    build("vit_tiny_patch16_224", 32, 10, seed=0, keywords={"num_heads": 6})
    assert asked[-1] == (True, 6)


def offline_errors() -> list[Exception]:
    from huggingface_hub import errors

    return [
        errors.LocalEntryNotFoundError("cannot find the requested files in the disk cache"),
        errors.OfflineModeIsEnabled("offline mode is enabled"),
        ConnectionError("refused"),
        URLError("[Errno -3] Temporary failure in name resolution"),
        TimeoutError("timed out"),
    ]


class EarlierHubError(FileNotFoundError, ValueError):
    """What huggingface_hub before 1.0 raised was a ValueError too."""


class TransportError(Exception):
    """What an HTTP library raises need not be an OSError."""

    __module__ = "httpx"


@pytest.mark.parametrize(
    "error", [*offline_errors(), EarlierHubError("cannot find the requested files"), TransportError("no")], ids=repr
)
def test_no_network_is_one_clear_message(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    create = timm.create_model

    def refuse(*args: Any, pretrained: bool, **settings: Any) -> Any:
        if pretrained:
            raise error
        return create(*args, **settings)

    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(UnfitError) as found:
        build("vit_tiny_patch16_224", 32, 10, seed=0)
    assert "the published weights of 'vit_tiny_patch16_224' could not be downloaded" in str(found.value)
    assert "'pretrained: false'" in str(found.value)
    assert "\n" not in str(found.value)


def test_a_model_without_published_weights() -> None:
    with pytest.raises(UnfitError, match="'pretrained: false'") as found:
        build(without_weights(), 224, 10, seed=0)
    assert "No pretrained weights exist" in str(found.value)


def without_weights() -> str:
    """The name of a small VisionTransformer that timm has no weights of."""
    published = set(timm.list_models(pretrained=True))
    bare = {name.split(".")[0] for name in published}
    return min(name for name in timm.list_models("vit_small_patch*") if name not in bare)


@pytest.mark.slow
def test_no_network_for_real(capfd: pytest.CaptureFixture[str]) -> None:
    """Where there is none, huggingface_hub tries for some 50 seconds; nothing but our message is said."""
    try:
        socket.getaddrinfo("huggingface.co", 443)
    except OSError:
        pass
    else:
        pytest.skip("there is a network: it would download")
    with pytest.raises(UnfitError, match="could not be downloaded"):
        build("vit_tiny_patch16_224", 32, 10, seed=0)
    assert capfd.readouterr() == ("", "")
