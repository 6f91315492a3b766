"""A dry run of a language model needs neither its weights nor the libraries that read them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCENARIO = """
name: texts
world: {devices: [{name: phone, count: 2}], server: {name: rtx-4090}}
model: {name: gpt2, length: 16, pretrained: false, keywords: {vocabulary: 50, width: 16, blocks: 2, heads: 2, mlp: 16}}
data: {name: synthetic_text, samples: 40, test_samples: 10}
training: {rounds: 1, clients_per_round: 2, batch_size: 8, optimizer: {name: sgd}, train: lora}
algorithms: [{name: fedavg}]
"""
CODE = """
import sys
from simulator.cli import main
sys.argv = ["sfsim", "validate", "texts.yaml"]
try:
    main()
except SystemExit as end:
    assert not end.code
print([name for name in {slow!r} if name in sys.modules])
"""
NEVER = ["timm", "torchvision", "torch._dynamo", "sympy", "fvcore", "tokenizers", "gguf", "transformers", "datasets"]


@pytest.mark.slow
def test_slow_libraries_are_not_imported(tmp_path: Path) -> None:
    """The first dry run traces stages, with fvcore; the second finds their costs on disk."""
    (tmp_path / "texts.yaml").write_text(SCENARIO)
    code = CODE.format(slow=NEVER)
    told: dict[str, Any] = {"env": {**os.environ, "SFSIM_CACHE": str(tmp_path / "cache")}, "cwd": tmp_path}
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, **told)
    assert done.stdout.splitlines()[-1] == "[]"
