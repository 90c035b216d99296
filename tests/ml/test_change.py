"""Two pictures of one drawn lesion: brought onto each other, measured, compared."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from ml.__main__ import main
from ml.change import error, limits, markers
from ml.change.comparison import Shot, compare
from ml.change.measures import measure
from ml.change.registration import register
from ml.datasets import Row
from ml.synthetic import phantoms

SIDE = 320


@pytest.fixture(scope="module")
def mole() -> np.ndarray:
    return np.asarray(phantoms.render("irregular_mole", SIDE))


def moved(picture: np.ndarray, *, scale: float, turn: float, light: float = 1.0) -> np.ndarray:
    """The picture taken again: closer, turned about its middle, in another light."""
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), turn, scale)
    again = cv2.warpAffine(
        picture, matrix, (SIDE, SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT
    )
    return (again * light).clip(0, 255).astype(np.uint8)


def circle(radius: float, x: float = 0.5, y: float = 0.5) -> list[list[float]]:
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    return np.column_stack([x + radius * np.cos(angles), y + radius * np.sin(angles)]).tolist()


@pytest.fixture(autouse=True)
def known_error(monkeypatch):
    limit = {"area": 0.3, "diameter": 0.2, "asymmetry": 0.1, "border": 0.2, "colours": 4.0}
    known = {"modalities": {"photo": {"limit": limit}, "dermoscopy": {"limit": limit}}}
    monkeypatch.setattr(limits, "errors", lambda: known)


@pytest.mark.parametrize(("scale", "turn"), [(1.0, 0), (1.3, 25), (0.75, -100), (1.1, 180)])
def test_scale_and_turn_are_found(mole, scale, turn):
    found = register(mole, moved(mole, scale=scale, turn=turn, light=0.85))
    assert found.scale == pytest.approx(1 / scale, rel=0.02)
    turned = np.arctan2(found.matrix[1, 0], found.matrix[0, 0])
    assert np.cos(turned - np.radians(turn)) > np.cos(np.radians(1))
    assert found.matrix @ (SIDE / 2, SIDE / 2, 1) == pytest.approx(SIDE / 2, abs=3)


def test_pictures_of_different_size_are_brought_onto_each_other(mole):
    large = np.asarray(Image.fromarray(mole).resize((900, 900)))
    assert register(mole, large).scale == pytest.approx(SIDE / 900, rel=0.02)
    assert register(large, mole).scale == pytest.approx(900 / SIDE, rel=0.02)


def test_another_lesion_is_not_taken_for_the_same(mole):
    assert register(mole, np.asarray(phantoms.render("even_mole", SIDE))) is None
    assert register(mole, np.full((SIDE, SIDE, 3), 200, np.uint8)) is None


def test_a_mirror_image_is_another_lesion(mole):
    assert register(mole, np.ascontiguousarray(mole[:, ::-1])) is None


def test_measures_of_a_circle_and_of_half_a_one(mole):
    round_one = measure(mole, np.array(circle(0.2)) * SIDE)
    assert round_one.area == pytest.approx(np.pi * (0.2 * SIDE) ** 2, rel=0.01)
    assert round_one.diameter == pytest.approx(0.4 * SIDE, rel=0.01)
    assert round_one.asymmetry < 0.02
    assert round_one.border == pytest.approx(1, abs=0.01)
    bent = [point for point in circle(0.2) if point[0] <= 0.5 or point[1] <= 0.5]
    uneven = measure(mole, np.array(bent) * SIDE)
    assert uneven.asymmetry > 0.03
    assert uneven.border > 1.01


def test_one_colour_has_no_spread():
    plain = np.full((SIDE, SIDE, 3), (120, 70, 50), np.uint8)
    assert measure(plain, np.array(circle(0.2)) * SIDE).colours == pytest.approx(0, abs=0.1)
    half = plain.copy()
    half[:, : SIDE // 2] = (60, 30, 20)
    assert measure(half, np.array(circle(0.2)) * SIDE).colours > 5


def test_a_picture_taken_closer_is_no_growth(mole):
    closer = moved(mole, scale=1.25, turn=40)
    same = compare(Shot(mole, circle(0.2)), Shot(closer, circle(0.25)), "photo")
    assert same.reason == ""
    assert same.differences["area"] == pytest.approx(0, abs=0.05)
    assert "grew" not in same.changes


def test_growth_beyond_the_error_is_said_and_within_it_not(mole):
    closer = moved(mole, scale=1.25, turn=40)
    for radius, found in ((0.32, ["grew"]), (0.27, []), (0.18, ["shrank"])):
        changed = compare(Shot(mole, circle(0.2)), Shot(closer, circle(radius)), "photo")
        assert [c for c in changed.changes if c in ("grew", "shrank")] == found


def test_millimetres_follow_from_what_the_person_measured_in_either_picture(mole):
    closer = moved(mole, scale=1.25, turn=0)
    first = compare(Shot(mole, circle(0.2), 6.0), Shot(closer, circle(0.3)), "photo")
    assert first.before["mm"] == pytest.approx(6)
    assert first.after["mm"] == pytest.approx(6 * 0.3 / 0.2 / 1.25, rel=0.03)
    last = compare(Shot(mole, circle(0.2)), Shot(closer, circle(0.3), 6.0), "photo")
    assert last.after["mm"] == pytest.approx(6)
    neither = compare(Shot(mole, circle(0.2)), Shot(closer, circle(0.3)), "photo")
    assert neither.before["mm"] is None


def with_marker(picture: np.ndarray, side: int) -> np.ndarray:
    cells = np.kron(markers.cells(), np.ones((side // 6, side // 6), bool))
    printed, margin = picture.copy(), side // 2
    printed[: side + 2 * margin, : side + 2 * margin] = 255
    printed[margin : margin + side, margin : margin + side][cells] = 0
    return printed


def test_growth_that_markers_in_both_pictures_show_is_not_hidden(mole):
    """On smooth skin nothing but the mole itself is found again: its growth looks like a step
    closer."""
    inside = cv2.circle(np.zeros((SIDE, SIDE), np.uint8), (SIDE // 2, SIDE // 2), 90, 255, -1)

    def on_smooth_skin(size: int, side: int) -> np.ndarray:
        scene = np.full((2 * SIDE, 2 * SIDE, 3), (214, 166, 143), np.uint8)
        corner = SIDE - size // 2
        patch = scene[corner : corner + size, corner : corner + size]
        patch[:] = np.where(
            cv2.resize(inside, (size, size))[..., None] > 0, cv2.resize(mole, (size, size)), patch
        )
        return with_marker(scene, side)

    def shot(size: int, side: int) -> Shot:
        return Shot(on_smooth_skin(size, side), circle(0.2 * size / (2 * SIDE)))

    before = shot(SIDE // 2, 60)
    grown = compare(before, shot(SIDE, 60), "photo")
    assert grown.changes == ["grew"]
    assert grown.before["mm"] == pytest.approx(0.2 * SIDE / 6, rel=0.05)
    assert grown.after["mm"] == pytest.approx(0.4 * SIDE / 6, rel=0.05)
    closer = compare(before, shot(SIDE, 120), "photo")
    assert closer.changes == []
    assert closer.after["mm"] == pytest.approx(closer.before["mm"], rel=0.05)


@pytest.mark.parametrize("side", [48, 90])
def test_a_printed_marker_says_how_long_a_pixel_is(mole, side):
    printed = with_marker(mole, side)
    assert markers.millimetres_per_pixel(printed) == pytest.approx(10 / side, rel=0.03)
    assert markers.millimetres_per_pixel(mole) is None


def test_what_is_cut_off_or_without_outline_is_not_measured(mole):
    closer = moved(mole, scale=1.25, turn=0)
    cut = compare(Shot(mole, circle(0.2)), Shot(closer, circle(0.2, x=0.2)), "photo")
    assert (cut.reason, cut.changes, cut.before) == ("cut_off", [], None)
    assert cut.matrix
    without = compare(Shot(mole, None), Shot(closer, circle(0.2)), "photo")
    assert without.reason == "no_outline"
    apart = compare(Shot(mole, circle(0.2)), Shot(mole[:, ::-1].copy(), circle(0.2)), "photo")
    assert (apart.reason, apart.matrix) == ("not_registered", None)


def test_the_error_is_measured_on_unchanged_lesions(tmp_path):
    folder = tmp_path / "SET"
    (folder / "images").mkdir(parents=True)
    rows = ["lesion_id,image_id,modality,dx"]
    for number, name in enumerate(phantoms.PHANTOMS):
        picture = np.asarray(phantoms.render(name, SIDE))
        for turn in (0, 30):
            Image.fromarray(moved(picture, scale=1, turn=turn)).save(
                folder / "images" / f"I{number}_{turn}.jpg", quality=95
            )
            rows.append(f"L{number},I{number}_{turn},photo,nv")
    (folder / "metadata.csv").write_text("\n".join(rows))
    out = tmp_path / "error.json"
    assert main(["change", "--data", str(folder), "--out", str(out)]) == 0
    modalities = json.loads(out.read_text())["modalities"]
    photo = modalities["photo"]
    assert photo["tried"] == 3
    assert photo["registered"] == 1
    assert photo["strangers_registered"] == 0
    assert all(0 < photo["typical"][name] <= photo["interval"][name] for name in limits.MEASURES)
    assert all(photo["interval"][name] <= photo["limit"][name] for name in limits.MEASURES)
    # Pages speak of both: what was not measured takes the other's error, and says so by its zero.
    borrowed = modalities["dermoscopy"]
    assert (borrowed["lesions"], borrowed["tried"]) == (0, 0)
    assert borrowed["limit"] == photo["limit"]


def test_an_outline_that_encloses_nothing_leaves_its_lesion_out(tmp_path):
    rows = []
    for name in phantoms.PHANTOMS:
        for number in range(2):
            path = tmp_path / f"{name}{number}.png"
            phantoms.render(name, SIDE).save(path)
            rows.append(Row(path, None, "SET", path.stem, name, name, "photo", "nv", ("nv",)))
    line = [[0.4, 0.4], [0.5, 0.5], [0.6, 0.6]]

    def outline_of(row: Row, _picture: np.ndarray) -> list[list[float]]:
        return line if row.image_id == "even_mole1" else circle(0.2)

    photo = error.by_modality(rows, outline_of)["photo"]
    assert (photo["tried"], photo["lesions"]) == (3, 2)


def test_without_lesions_of_several_pictures_there_is_no_error(make_set, capsys, tmp_path):
    folder = make_set("SET", [{"image_id": "A", "dx": "nv"}, {"image_id": "B", "dx": "mel"}])
    out = tmp_path / "error.json"
    assert main(["change", "--data", str(folder), "--out", str(out)]) == 1
    assert "two pictures" in capsys.readouterr().err
    assert not out.exists()


def test_a_limit_from_few_lesions_is_not_smaller_than_from_many():
    part = {"interval": {"area": 0.1}, "limit": {"area": 0.2}}
    many = {"interval": {"area": 0.3}, "limit": {"area": 0.4}}
    found = {"photo": {"lesions": 9, **part}, "dermoscopy": {"lesions": 900, **many}}
    error._be_careful(found)
    assert found["photo"]["limit"] == {"area": 0.4}
    assert found["dermoscopy"]["limit"] == {"area": 0.4}
