"""A data set as a few files that travel."""

import io
import json
import shutil
import tarfile

import numpy as np
import pytest
from PIL import Image

from ml import datasets
from ml.__main__ import main
from ml.datasets import DatasetError, packs, splits

SHARD_BYTES = 40_000


@pytest.fixture
def data(make_set, draw, tmp_path):
    records = [
        {
            "image_id": f"i{n}",
            "modality": ("dermoscopy", "photo")[n % 3 == 0],
            "dx": ("nv", "mel", "benign")[n % 3],
            "age": str(20 + n),
            "localization": "back",
            "MONET_hair": f"0.{n:02}",
            "MONET_ulceration_crust": "",
        }
        for n in range(40)
    ]
    make_set("data/MILK10k", records, masks=True)
    for n in range(4):
        draw(tmp_path / f"data/not_a_lesion/{n}.jpg", 900 + n)
    return tmp_path / "data"


@pytest.fixture
def pack(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "pack"
    monkeypatch.setattr(packs, "SIDE", 64)
    monkeypatch.setattr(packs, "SHARD_BYTES", SHARD_BYTES)
    assert main(["pack", "--data", str(data), "--out", str(out)]) == 0
    return out


def test_what_comes_out_is_what_went_in_without_the_test_pictures(data, pack):
    before = datasets.read([data]).trainable
    folds = splits.split(before, seed=1)
    kept = {row.image_id: (row, fold) for row, fold in zip(before, folds, strict=True)}
    after = datasets.read([pack])
    stored = splits.read(after.split, after.rows)
    assert {r.image_id for r in after.rows} == {i for i, (_, f) in kept.items() if f != "test"}
    for row, fold in zip(after.rows, stored, strict=True):
        original, expected = kept[row.image_id]
        assert fold == expected
        for name in ("dataset", "lesion", "group", "modality", "dx", "allowed", "age", "concepts"):
            assert getattr(row, name) == getattr(original, name), name
        with Image.open(row.path) as small, Image.open(original.path) as whole:
            assert small.size == (64, 64)
            difference = np.asarray(whole.resize((64, 64)), float) - np.asarray(small)
        assert np.abs(difference).mean() < 8
        assert (row.mask is None) == (original.mask is None)


def test_no_file_is_larger_than_asked_and_none_names_this_machine(pack, tmp_path):
    shards = sorted(pack.glob("shard-*.tar"))
    assert len(shards) > 1
    assert all(shard.stat().st_size <= SHARD_BYTES for shard in shards)
    with packs.gzip.open(pack / packs.MANIFEST, "rt") as file:
        assert str(tmp_path) not in file.read()


def test_a_shard_that_did_not_come_is_named(pack):
    (pack / "shard-001.tar").unlink()
    with pytest.raises(DatasetError, match=r"shard-001.tar did not come"):
        datasets.read([pack])


def test_a_damaged_shard_is_an_error_and_not_half_a_set(pack):
    shard = pack / "shard-000.tar"
    shard.write_bytes(shard.read_bytes()[:5000])
    with pytest.raises(DatasetError, match="not a whole packed set"):
        datasets.read([pack])


@pytest.mark.parametrize("change", [{"new_field": 1}, {"shard": None}, {"dx": None}, None])
def test_a_manifest_of_another_version_or_a_damaged_one_is_a_sentence(pack, capsys, change):
    file = pack / packs.MANIFEST
    if change is None:
        content = bytearray(file.read_bytes())
        content[20:60] = bytes(40)
        file.write_bytes(content)
    else:
        first, *lines = packs.gzip.decompress(file.read_bytes()).decode().splitlines()
        record = json.loads(first) | change
        for name in [name for name in change if change[name] is None]:
            del record[name]
        text = "\n".join([json.dumps(record), *lines])
        file.write_bytes(packs.gzip.compress(text.encode()))
    assert main(["summarise", "--data", str(pack), "--report", str(pack.parent / "report")]) == 1
    assert "not a whole packed set" in capsys.readouterr().err


def test_a_shard_can_write_nowhere_else(pack):
    with tarfile.open(pack / "shard-000.tar", "a") as shard:
        entry = tarfile.TarInfo("../outside.txt")
        entry.size = 1
        shard.addfile(entry, io.BytesIO(b"x"))
    with pytest.raises(DatasetError, match="not a whole packed set"):
        datasets.read([pack])
    assert not (pack / "outside.txt").exists()


def test_a_folder_that_holds_something_is_left_alone(data, pack, capsys):
    assert main(["pack", "--data", str(data), "--out", str(pack)]) == 1
    assert "is not empty" in capsys.readouterr().err


def test_another_pack_in_the_same_folder_is_unpacked_anew(pack, make_set, tmp_path):
    """Else its labels would stand beside the pictures of the one before."""
    datasets.read([pack])
    other = make_set("other", [{"image_id": f"o{n}", "dx": ("nv", "mel")[n % 2]} for n in range(9)])
    assert main(["pack", "--data", str(other), "--out", str(tmp_path / "anew")]) == 0
    shutil.copytree(tmp_path / "anew", pack, dirs_exist_ok=True)
    (row, *_) = datasets.read([pack]).rows
    [original] = [of for of in datasets.read([other]).rows if of.image_id == row.image_id]
    with Image.open(row.path) as small, Image.open(original.path) as whole:
        difference = np.asarray(whole.resize(small.size), float) - np.asarray(small)
    assert np.abs(difference).mean() < 8
