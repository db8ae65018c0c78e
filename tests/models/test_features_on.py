"""Where encodings are during training, by the key `features_on` and the free memory."""

from pathlib import Path

import numpy as np
import pytest

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.distribute.free_memory import free_memory
from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.encoders.encoded_features import EncodedEntities
from tfmmrec.errors import ConfigError
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.features_on import check_features_on, stays_on_host

# 100 · 16 · 2 bytes: 3,200 of items and 1,600 of users.
ITEMS = EncodedEntities(
    {}, {}, {"title": Encodings(np.zeros([100, 16], np.float16), np.ones(100, bool))}
)
USERS = EncodedEntities(
    {}, {}, {"about": Encodings(np.zeros([50, 16], np.float16), np.ones(50, bool))}
)


@pytest.fixture
def free(monkeypatch):
    def set_free(size: int) -> None:
        monkeypatch.setattr("tfmmrec.models.features_on.free_memory", lambda: size)

    return set_free


def test_auto_takes_the_host_beyond_a_quarter_of_the_free_memory(free):
    for size, expected in ((4 * 4800, False), (4 * 4800 - 1, True), (10, True)):
        free(size)
        assert stays_on_host(TrainConfig(), [ITEMS, USERS]) == expected
        assert stays_on_host(TrainConfig(features_on="host"), [ITEMS, USERS])
    # XLA calls no Python: whatever fits is in memory.
    free(4800)
    for given in ({"features_on": "device"}, {"jit_compile": True}, {"strategy": "tpu"}):
        assert not stays_on_host(TrainConfig(**given), [ITEMS, USERS])


@pytest.mark.parametrize(
    "given, advice",
    [
        ({"features_on": "device"}, "use features_on: host"),
        ({"jit_compile": True}, "use features_on: host without jit_compile"),
        ({"strategy": "multiworker"}, "use features_on: host without strategy: multiworker"),
    ],
)
def test_what_does_not_fit_is_refused(free, given, advice):
    free(3 * 2**29)
    large = EncodedEntities(
        {}, {}, {"a": Encodings(np.broadcast_to(np.float16(0), [2**20, 1024]), np.ones(1, bool))}
    )
    with pytest.raises(ConfigError) as caught:
        stays_on_host(TrainConfig(**given), [large])
    # 2^20 · 1024 · 2 bytes are 2 GiB.
    assert str(caught.value) == (
        "features_on: the encodings of items and users take 2.0 GiB, and 1.5 GiB of memory are "
        f"free; {advice}"
    )


@pytest.mark.parametrize(
    "given",
    [
        {"jit_compile": True},
        {"strategy": "multiworker"},
        {"strategy": "parameter_server"},
        {"strategy": "tpu"},
    ],
)
def test_the_host_is_refused_where_python_is_not_called(small, given):
    config = TrainConfig(features_on="host", **given)
    with pytest.raises(ConfigError, match=r"features_on: host does not go with \w+.*; leave one"):
        build_bundle(small, config)
    for strategy in ("one", "mirrored"):
        check_features_on(TrainConfig(features_on="host", strategy=strategy))


def test_the_key_is_checked():
    with pytest.raises(ConfigError, match="features_on must be one of auto, device, host"):
        TrainConfig(features_on="disk")


def test_free_memory_is_that_of_the_container_if_it_has_less(tmp_path: Path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       1000 kB\nMemAvailable:    600 kB\n")
    assert free_memory(meminfo, tmp_path) == 600 * 1024
    for name, text in {
        "memory.max": "400000\n",
        "memory.current": "300000\n",
        "memory.stat": "anon 1\ninactive_file 50000\nactive_file 1000\n",
    }.items():
        (tmp_path / name).write_text(text)
    # 400,000 − 300,000 + 51,000.
    assert free_memory(meminfo, tmp_path) == 151_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(meminfo, tmp_path) == 600 * 1024
