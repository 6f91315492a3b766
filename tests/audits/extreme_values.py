"""Values that the schema takes and sense does not, each in a dry run: a clean end, in bounded time and memory.

20 minutes. A case is bad if it ends with a traceback or a signal, takes over a minute or 5 GB, or leaves a scrap.
Today some are: a billion rounds are begun, and a hundred million samples dealt, however long it takes.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.audits.forked import TINY, sfsim

MOST_SECONDS = 60
MOST_GIGABYTES = 5
FIRST = "world.devices.0"
CASES: list[list[str]] = [
    ["world.server.rate.fp32=1e300 FLOP/s"],
    ["world.server.rate.fp32=1e-300 FLOP/s"],
    [f"{FIRST}.rate.fp32=1e308 FLOP/s"],
    [f"{FIRST}.rate.fp32=1e-308 FLOP/s"],
    [f"{FIRST}.rate={{fp32: 5e-324 FLOP/s}}"],
    [f"{FIRST}.uplink={{rate: 1e-300 bit/s}}"],
    [f"{FIRST}.uplink={{rate: 1e300 bit/s}}"],
    [f"{FIRST}.uplink={{rate: 1 Mbit/s, latency: 1e-300 s}}"],
    [f"{FIRST}.uplink={{rate: 1 Mbit/s, latency: 1e300 s}}"],
    [f"{FIRST}.uplink={{rate: 1 Mbit/s, latency: 1e308 s}}", f"{FIRST}.downlink={{rate: 1 Mbit/s, latency: 1e308 s}}"],
    [f"{FIRST}.uplink={{rate: 1 Mbit/s, latency: 1e17 s}}"],
    [f"{FIRST}.power={{idle: 1e308 W, compute: 1e308 W, upload: 1e308 W, download: 1e308 W}}"],
    [f"{FIRST}.power={{idle: 1e-308 W, compute: 0 W}}"],
    [f"{FIRST}.power={{idle: 10 W, compute: 1 W}}"],
    [f"{FIRST}.memory=1 B"],
    [f"{FIRST}.memory=1e-300 B"],
    [f"{FIRST}.memory=1e308 B"],
    [f"{FIRST}.memory=1 B", "world.on_oom=skip"],
    [f"{FIRST}.memory=1 B", "world.devices.1.memory=1 B", "world.on_oom=skip"],
    [f"{FIRST}.memory=1 B", "world.on_oom=ignore"],
    [f"{FIRST}.memory=1 B", "world.on_oom=skip", "training.clients_per_round=5"],
    ["world.server.memory=1 B"],
    ["world.server.memory=1 B", "world.on_oom=skip"],
    [f"{FIRST}.memory_bandwidth=1e-300 B/s"],
    [f"{FIRST}.memory_bandwidth=1e308 B/s"],
    [f"{FIRST}.utilisation=1e-300"],
    [f"{FIRST}.utilisation=5e-324"],
    [f"{FIRST}.count=10000000"],
    [f"{FIRST}.count=100000000000000000000000000000000"],
    [f"{FIRST}.count=1000000"],
    [f"{FIRST}.count=1000", "data.samples=5000"],
    [f"{FIRST}.count=70"],
    ["training.rounds=1000000000"],
    ["training.rounds=1" + "0" * 400],
    ["training.rounds=1000000000000000000000000"],
    ["training.batch_size=1000000"],
    ["training.batch_size=1" + "0" * 30],
    ["training.local_epochs=1000000000"],
    ["training.local_epochs=1" + "0" * 30],
    ["training.clients_per_round=5"],
    ["model.image_size=1"],
    ["model.image_size=7"],
    ["model.image_size=8"],
    ["model.image_size=33"],
    ["model.image_size=100000"],
    ["model.image_size=10000000000"],
    ["model.image_size=1" + "0" * 30],
    ["model.image_size=4096"],
    ["algorithms.SFPrompt.keep_fraction=1e-9"],
    ["algorithms.SFPrompt.keep_fraction=5e-324"],
    ["algorithms.SFPrompt.prompts={length: 1000000}"],
    ["algorithms.SFPrompt.prompts={length: 1" + "0" * 30 + "}"],
    ["algorithms.SFPrompt.local_epochs=0"],
    ["algorithms.SFPrompt.split_epochs=1000000000"],
    ["algorithms.SFL.head=1" + "0" * 30],
    ["algorithms.SFL.head=3"],
    ["algorithms.SFL.tail=99"],
    ["seeds=[18446744073709551616]"],
    ["seeds=[1" + "0" * 300 + "]"],
    ["seeds=[4294967296]"],
    ["seeds=[0,1,2,3,4,5,6,7,8,9]", "training.rounds=1"],
    ["seeds=[9" + "9" * 4200 + "]"],
    ["data.samples=1000000000000"],
    ["data.samples=1" + "0" * 30],
    ["data.samples=100000000"],
    ["data.test_samples=1"],
    ["data.classes=60"],
    ["data.classes=1000000", "data.samples=1000000"],
    ["data.classes=1" + "0" * 20, "data.samples=1" + "0" * 20],
    ["data.shape=[3,1,1]"],
    ["data.shape=[3,100000000,100000000]"],
    ["data.partition={name: dirichlet, alpha: 1e-300}"],
    ["data.partition={name: dirichlet, alpha: 1e-9}"],
    ["data.partition={name: dirichlet, alpha: 1e300}"],
    ["data.partition={name: dirichlet, alpha: 0.01, min_samples: 12}"],
    ["data.partition={name: dirichlet, alpha: 0.01, min_samples: 13}"],
    ["data.partition={name: dirichlet, alpha: 0.5, min_samples: 1" + "0" * 30 + "}"],
    ["data.partition={name: classes_per_client, classes: 1}"],
    ["data.partition={name: classes_per_client, classes: 1000000000}"],
    ["data.partition={name: quantity_skew, alpha: 1e-300}"],
    ["data.partition={name: quantity_skew}"],
    ["data.partition={name: sizes, sizes: [1,2,3,4,5]}"],
    ["data.partition={name: sizes, sizes: [1000000000000,2,3,4,5]}"],
    ["evaluation.every=1000000000"],
    ["evaluation.samples=1000000000"],
    ["evaluation.samples=1"],
    ["evaluation.clients=5"],
    ["threads=1000000"],
    ["threads=1" + "0" * 30],
    ["threads=2147483648"],
    ["torch_device=cuda"],
    ["target_accuracy=0"],
    ["target_accuracy=1"],
    ["target_accuracy=1e-300"],
    ["training.optimizer.learning_rate=1e308"],
    ["training.optimizer.learning_rate=1e-308"],
    ["training.optimizer={name: sgd, learning_rate: 1.0, momentum: 0.999999999}"],
    ["training.schedule={name: cosine, warmup: 1}"],
    ["training.schedule={name: step, every: 1000000000, factor: 1e-300}"],
    ["training.augment={crop: 31, flip: true}"],
    ["training.lora={rank: 1000000000, targets: [q, v]}", "training.train=lora"],
    ["training.lora={rank: 1" + "0" * 30 + ", targets: [q]}", "training.train=lora"],
    ["training.lora={rank: 4, targets: [zzz]}", "training.train=lora"],
    ["training.lora={rank: 4, targets: [q], blocks: [99, null]}", "training.train=lora"],
    ["training.lora={rank: 4, targets: [q], blocks: [2, 1]}", "training.train=lora"],
    ["training.compression={smashed data: {name: top_k, fraction: 1e-300}}"],
    ["training.compression={smashed data: {name: top_k, fraction: 1e-9}}"],
    ["training.compression={smashed data: {name: product_quantisation, groups: 1000000000}}"],
    ["training.compression={smashed data: {name: product_quantisation}}"],
    ["training.compression={smashed data: {name: cos_sgd}}"],
    ["world.server.slots=1000000000"],
    ["world.server.slots=1" + "0" * 30],
    ["model.keywords.depth=1"],
    ["model.keywords.depth=1000000000"],
    ["model.keywords.depth=-1"],
    ["model.keywords.depth=0"],
    ["model.keywords.embed_dim=0"],
    ["model.keywords.embed_dim=-8"],
    ["model.keywords.embed_dim=1000000000"],
    ["model.keywords.patch_size=0"],
    ["model.keywords.patch_size=64"],
    ["model.keywords.num_heads=5"],
    ["model.keywords.num_heads=0"],
    ["model.keywords.mlp_ratio=1e300"],
    ["model.keywords.mlp_ratio=.nan"],
    ["model.keywords.norm_layer=os.system"],
    ["model.keywords.act_layer=nope"],
    ["model.keywords.weight_init=x"],
    ["model.keywords.drop_path_rate=2"],
    ["model.keywords.num_classes=5"],
    ["model.keywords.img_size=64"],
    ["model.keywords.in_chans=1"],
    ["model.keywords.cache_dir=/tmp/x"],
    ["model.keywords.pretrained_cfg={file: /etc/passwd}"],
    ["model.keywords.checkpoint_path=/etc/passwd"],
    ["model.keywords.features_only=true"],
    ["model.keywords.global_pool=''"],
    ["model.keywords.class_token=false"],
    ["model.keywords.reg_tokens=1000000"],
    ["model.keywords.qk_norm=true"],
    ["model.keywords.dynamic_img_size=true"],
    ["model.name=../../etc/passwd"],
    ["model.name=hf-hub:evil/x"],
    ["model.name=local-dir:/etc"],
    ["model={name: 'hf-hub:timm/vit_tiny_patch16_224', image_size: 32}"],
    ["model={name: 'hf_hub:x/y', image_size: 32}"],
    ["model={name: 'https://example.com/x', image_size: 32}"],
    ["model={name: '', image_size: 32}"],
    ["model={name: vit_tiny_patch16_224, image_size: 32}"],
]
"""What each case sets."""


def left(folder: Path) -> list[str]:
    """Scraps beside the scenario and a finished run."""
    beside = [path.name for path in folder.iterdir() if path.name not in ("tiny.yaml", "runs")]
    return beside + [path.name for path in folder.glob("runs/.*")]


def check(settings: list[str], folder: Path) -> bool:
    """Whether a case ends well."""
    shutil.rmtree(folder / "runs", ignore_errors=True)
    words = ["run", "tiny.yaml", "--dry", *(f"--set={each}" for each in settings)]
    ended = sfsim(words, folder, MOST_SECONDS, MOST_GIGABYTES)
    scraps = left(folder)
    good = ended.clean and not scraps
    print(f"{'ok ' if good else 'BAD'} {' ; '.join(each[:60] for each in settings)}")
    print(f"        {ended.brief()}{f' LEFT {scraps}' if scraps else ''}", flush=True)
    return good


def main() -> int:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "tiny.yaml").write_text(TINY)
        bad = sum(not check(settings, folder) for settings in CASES)
    print(f"{len(CASES)} cases, {bad} bad")
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())
