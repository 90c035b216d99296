"""Tables as spreadsheets save them, and the published sets as they come."""

import shutil
from pathlib import Path

import pytest

from ml import datasets
from ml.datasets import labels
from ml.taxonomy import ALLOWED, CONCEPTS

TABLE = "image_id,lesion_id,dx,age\na,l1,nv,40\n\nb,l2,mel,85+\n"


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))


@pytest.fixture
def folder(tmp_path, draw) -> Path:
    for seed, name in enumerate("ab"):
        draw(tmp_path / "mine/images" / f"{name}.jpg", seed)
    return tmp_path / "mine"


def meant(folder: Path, **options) -> list[tuple]:
    manifest = datasets.read([folder], **options)
    assert not manifest.faults
    return [(row.image_id, row.dx, row.age) for row in manifest.rows]


RIGHT = [("a", "nv", 40), ("b", "mel", 85)]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (TABLE, "utf-8"),
        (TABLE, "utf-8-sig"),
        (TABLE, "utf-16"),
        (TABLE, "utf-16-le"),
        (TABLE.replace(",", ";"), "cp1252"),
        (TABLE.replace(",", "\t"), "utf-16"),
        (TABLE.replace("\n", "\r\n"), "utf-8"),
        ("sep=;\n" + TABLE.replace(",", ";"), "utf-8"),
        (TABLE.replace(",age", ",age,note").replace("40", "40," + "x" * 200_000), "utf-8"),
        ("\n\n" + TABLE, "utf-8"),
        (TABLE.replace("image_id,lesion_id,dx", " Image ID , Lesion-ID,DX"), "utf-8"),
        (TABLE.replace("a,l1", "a.jpg,l1").replace("b,l2", "images/b.JPG,l2"), "utf-8"),
        (TABLE.replace("a,l1", '"a","l1, the first"'), "utf-8"),
        (TABLE.replace("40", "40,0").replace(",", ";").replace("40;0", "40,0"), "utf-8"),
        (TABLE.replace(",", ";").replace(";age", ";age;notes, of any, free, old"), "utf-8"),
        (TABLE.replace("nv", "Näevus".replace("ä", "a")), "cp1252"),
    ],
)
def test_a_table_is_read_however_it_was_saved(folder, text, encoding):
    write(folder, "metadata.csv", text, encoding)
    assert meant(folder) == RIGHT


@pytest.mark.parametrize("age", ["NA", "?", "null", "", "nan", "Unknown", "-", "None"])
def test_ages_that_say_nothing_are_none(folder, age):
    write(folder, "metadata.csv", f"image_id,dx,age\na,nv,{age}\nb,mel,70\n")
    assert meant(folder)[0] == ("a", "nv", None)


def test_rows_are_counted_as_an_editor_does(folder):
    write(folder, "metadata.csv", "\n\nimage_id,dx\na,nv\n\n\nb,wart\n")
    (fault,) = datasets.read([folder]).faults
    assert "row 7: unknown diagnosis “wart” (column dx)" in fault


@pytest.mark.parametrize(
    ("word", "dx"),
    [
        ("nevus", "nv"), ("Naevus", "nv"), ("NEV", "nv"), ("Melanoma, NOS", "mel"),
        ("ACK", "akiec"),
        ("AK", "akiec"), ("SEK", "bkl"), ("SCCKA", "scc"), ("Bowen's disease", "akiec"),
        ("Bowen’s disease", "akiec"),
        ("Squamous cell carcinoma, NOS", "scc"), ("not_a_lesion", "not_a_lesion"),
        ("Seborrheic Keratosis", "bkl"), ("UNK", "other"), ("wart", None),
        ("nevus?", None), ("? nv", None), ("melanoma (?)", None), ("?", None),
        ("mel？", None), ("非mel", None), ("не nv", None), ("≠nv", None), ("nv ½", None),
        ("!nv", None), ("~ nv", None), ("nv (-)", None), ("nv -", None),
        ("Melanoma – in situ", "mel"), ("“Reed‑nevus”\u00a0", "nv"), ("Melanoma - in situ", "mel"),
    ],
)  # fmt: skip
def test_words_for_diagnoses(word, dx):
    assert labels.of(word) == dx


def test_every_word_stands_for_a_label():
    assert set(labels.SYNONYMS.values()) == set(ALLOWED)


@pytest.mark.parametrize("column", ["diagnosis_1", "benign_malignant"])
def test_what_a_table_calls_benign_and_malignant_in_one_row_is_no_benign_lesion(
    folder, draw, column
):
    """Nobody can tell which is right, and a network would learn a melanoma as harmless."""
    rows = "a,nevus,40,Benign\nb,nevus,61,Malignant\nc,melanoma,85,Benign\n"
    write(folder, "metadata.csv", f"image_id,diagnosis,age,{column}\n{rows}")
    draw(folder / "images/c.jpg", 3)
    manifest = datasets.read([folder])
    assert [(row.image_id, row.dx) for row in manifest.rows] == [("a", "nv"), ("c", "mel")]
    assert manifest.faults == [
        f"{folder}/metadata.csv: row 3: “nevus”, and “Malignant” in column {column}: left out"
    ]


# Published sets. Each is (files of the set, pictures, what they are).

ISIC_CLI = """isic_id,attribution,copyright_license,age_approx,anatom_site_general,\
diagnosis_1,diagnosis_2,diagnosis_3,image_type,lesion_id,patient_id,sex
a,X,CC-0,40.0,lower extremity,Benign,Benign proliferations,Nevus,dermoscopic,IL_1,IP_1,male
b,X,CC-0,85.0,head/neck,Malignant,Malignant melanocytic proliferations (Melanoma),\
"Melanoma, NOS",clinical: close-up,IL_2,IP_2,female
"""
ONE_HOT_2018 = """image,MEL,NV,BCC,AKIEC,BKL,DF,VASC
a,0.0,1.0,0.0,0.0,0.0,0.0,0.0
b,1.0,0.0,0.0,0.0,0.0,0.0,0.0
"""
ONE_HOT_2019 = """image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK
a_downsampled,0.0,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0
b,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0
"""
METADATA_2019 = """image,age_approx,anatom_site_general,lesion_id,sex
a_downsampled,40.0,anterior torso,L1,female
b,85.0,head/neck,L2,male
"""
SIIM = """image_name,patient_id,sex,age_approx,anatom_site_general_challenge,diagnosis,\
benign_malignant,target
a,IP_1,male,40.0,torso,unknown,benign,0
b,IP_2,female,85.0,head/neck,melanoma,malignant,1
"""
PAD = """patient_id,lesion_id,smoke,background_father,age,gender,fitspatrick,region,diagnostic,\
itch,img_id,biopsed
PAT_1,10,False,GERMANY,40,MALE,2.0,ARM,NEV,True,a.png,False
PAT_2,20,,,85,FEMALE,,FACE,MEL,UNK,b.png,True
"""
FITZPATRICK = """,md5hash,fitzpatrick_scale,fitzpatrick_centaur,label,nine_partition_label,\
three_partition_label,qc,url,url_alphanum
0,a,3,3,nevocytic something,benign melanocyte,benign,,http://x,x
1,b,-1,4,superficial spreading melanoma ssm,malignant melanoma,malignant,,http://x,x
"""
MILK_TRUTH = """lesion_id,AKIEC,BCC,BEN_OTH,BKL,DF,INF,MAL_OTH,MEL,NV,SCCKA,VASC
IL_1,0,0,0,0,0,0,0,0,1,0,0
IL_2,0,0,0,0,0,0,0,1,0,0,0
"""
MILK = """lesion_id,image_type,isic_id,age_approx,sex,skin_tone_class,site,MONET_hair
IL_1,dermoscopic,a,40,male,3,trunk,0.25
IL_2,clinical: close-up,b,85,female,1,head_neck_face,0.5
"""
LAYOUTS = {
    "isic-cli": ({"metadata.csv": ISIC_CLI}, "{}.jpg", ["nv", "mel"], ["dermoscopy", "photo"]),
    "ISIC 2018": (
        {"ISIC2018_Task3_Training_GroundTruth/ISIC2018_GroundTruth.csv": ONE_HOT_2018},
        "ISIC2018_Task3_Training_Input/{}.jpg",
        ["nv", "mel"],
        ["dermoscopy"] * 2,
    ),
    "ISIC 2019": (
        {
            "ISIC_2019_Training_GroundTruth.csv": ONE_HOT_2019,
            "ISIC_2019_Training_Metadata.csv": METADATA_2019,
        },
        "ISIC_2019_Training_Input/{}.jpg",
        ["nv", "mel"],
        ["dermoscopy"] * 2,
    ),
    "SIIM-ISIC 2020": (
        {"train.csv": SIIM}, "jpeg/train/{}.jpg", ["benign", "mel"], ["dermoscopy"] * 2
    ),
    "PAD-UFES-20": (
        {"metadata.csv": PAD}, "images/imgs_part_1/{}.png", ["nv", "mel"], ["photo"] * 2
    ),
    "Fitzpatrick17k": (
        {"fitzpatrick17k.csv": FITZPATRICK}, "data/{}.jpg", ["benign", "mel"], ["photo"] * 2
    ),
    "MILK10k": (
        {"MILK10k_Training_GroundTruth.csv": MILK_TRUTH, "MILK10k_Training_Metadata.csv": MILK},
        "MILK10k_Training_Input/lesion/{}.jpg",
        ["nv", "mel"],
        ["dermoscopy", "photo"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_published_sets_are_read_as_they_come(tmp_path, draw, name):
    sheets, place, dx, modalities = LAYOUTS[name]
    for sheet, text in sheets.items():
        write(tmp_path / name, sheet, text)
    for seed, image in enumerate("ab"):
        draw(tmp_path / name / place.format(image), seed)
    manifest = datasets.read([tmp_path / name])
    assert not manifest.faults
    assert not manifest.dropped
    assert [row.dx for row in manifest.rows] == dx
    assert [row.modality for row in manifest.rows] == modalities
    if name != "ISIC 2018" and name != "Fitzpatrick17k":
        assert [row.age for row in manifest.rows] == [40, 85]
    if name == "PAD-UFES-20":
        assert [(row.sex, row.skin_type, row.group) for row in manifest.rows] == [
            ("male", 2, "PAD-UFES-20/PAT_1"),
            ("female", None, "PAD-UFES-20/PAT_2"),
        ]
    if name == "Fitzpatrick17k":
        assert [row.skin_type for row in manifest.rows] == [3, None]
    if name == "MILK10k":
        assert [row.skin_tone for row in manifest.rows] == [3, 1]
        assert [row.concepts[1] for row in manifest.rows] == [0.25, 0.5]
    assert manifest.notes


def told(folder: Path, **sheets: str) -> list[tuple]:
    """What is read of a person, where the pictures a and b have these tables."""
    for name, text in sheets.items():
        write(folder, f"{name}.csv", text)
    manifest = datasets.read([folder])
    assert not manifest.faults
    return [(row.group, row.modality, row.age, row.sex) for row in manifest.rows]


def test_a_second_table_with_labels_fills_what_the_first_leaves_open(folder):
    one = "image_id,dx,age\na,nv,40\nb,mel,\n"
    two = (
        "image_id,dx,patient_id,modality,age,sex\n"
        "A,nv,alice,dermoscopy,41,female\nb,mel,bob,dermoscopy,85,\n"
    )
    assert told(folder, one=one, two=two) == [
        ("mine/alice", "dermoscopy", 40, "female"),
        ("mine/bob", "dermoscopy", 85, None),
    ]


def test_two_tables_that_contradict_each_other_on_a_label_are_still_named(folder):
    write(folder, "one.csv", "image_id,dx\na,nv\nb,mel\n")
    write(folder, "two.csv", "image_id,dx,age\na,mel,40\nb,mel,50\n")
    manifest = datasets.read([folder])
    (fault,) = manifest.faults
    assert "a again, as “mel”; before it was “nv”" in fault
    assert [row.age for row in manifest.rows] == [50]


def test_tables_are_joined_whatever_their_letters_case(folder):
    one = "image_id,lesion_id,dx\na,l1,nv\nb,L2,mel\n"
    two = "image_id,sex\nA,male\nB.JPG,female\n"
    three = "lesion_id,age\nL1,40\nl2,85\n"
    assert told(folder, one=one, two=two, three=three) == [
        ("mine/l1", "photo", 40, "male"),
        ("mine/L2", "photo", 85, "female"),
    ]


@pytest.mark.parametrize("blank", ["", "NA"])
def test_a_blank_cell_takes_nothing_away(folder, blank):
    one = f"image_id,lesion_id,dx,age\na,l1,nv,{blank}\nb,l2,mel,{blank}\n"
    two = f"image_id,age\na,40\nb,{blank}\n"
    three = f"lesion_id,age,sex\nl1,41,male\nl2,85,female\nl2,{blank},{blank}\n"
    assert told(folder, one=one, two=two, three=three) == [
        ("mine/l1", "photo", 40, "male"),
        ("mine/l2", "photo", 85, "female"),
    ]


@pytest.mark.parametrize("name", ["dx", "age", "diagnosis_1"])
def test_of_two_columns_of_one_name_a_blank_one_takes_nothing_away(folder, name):
    table = TABLE.replace(",age", f",age,{name},{name.title()},note,note")
    first = {"dx": "nv", "age": "40", "diagnosis_1": "benign"}[name]
    write(folder, "metadata.csv", table.replace("40", f"40,{first},,x,y"))
    assert meant(folder) == RIGHT
    write(folder, "metadata.csv", table.replace("40", f"40,{first},other,x,y"))
    with pytest.raises(datasets.DatasetError, match=f"row 2: two columns are called {name}"):
        datasets.read([folder])


@pytest.mark.parametrize("nothing", ["", "NA"])
def test_what_is_of_no_lesion_or_picture_is_joined_to_none(folder, nothing):
    one = f"image_id,lesion_id,dx\na,{nothing},nv\nb,l2,mel\n"
    two = f"image_id,patient_id\n{nothing},carol\n"
    three = f"lesion_id,age\n{nothing},99\nl2,85\n"
    assert told(folder, one=one, two=two, three=three) == [
        ("mine/a", "photo", None, None),
        ("mine/l2", "photo", 85, None),
    ]


def test_the_same_name_in_two_folders_is_named(folder, draw):
    write(folder, "metadata.csv", TABLE)
    draw(folder / "images/more/a.png", 7)
    manifest = datasets.read([folder])
    [fault] = manifest.faults
    assert "row 2: no single picture for a: images/a.jpg, images/more/a.png: left out" in fault
    assert [row.image_id for row in manifest.rows] == ["b"]
    assert not manifest.dropped


@pytest.mark.parametrize(
    "place", ["{}/IMG_1.jpg", "images\\{}\\IMG_1", "C:/all/mine/images/{}/img_1.JPG"]
)
def test_pictures_of_one_name_are_told_apart_by_their_folders(tmp_path, draw, place):
    """The first one's picture had both labels, and the other's was left out."""
    for seed, name in enumerate(("alice", "bob")):
        draw(tmp_path / f"mine/images/{name}/IMG_1.jpg", seed)
    rows = [f"{place.format('bob')},mel", f"{place.format('alice')},nv"]
    write(tmp_path / "mine", "metadata.csv", "\n".join(["image_id,dx", *rows]))
    write(tmp_path / "mine", "more.csv", "image_id,age\nalice/IMG_1,40\nbob/IMG_1,85\n")
    manifest = datasets.read([tmp_path / "mine"])
    assert not manifest.faults
    assert not manifest.dropped
    assert [(row.path.parent.name, row.image_id, row.dx, row.age) for row in manifest.rows] == [
        ("bob", "images/bob/IMG_1", "mel", 85),
        ("alice", "images/alice/IMG_1", "nv", 40),
    ]


def test_a_picture_may_lie_in_another_folder_than_a_table_says(folder):
    write(folder, "one.csv", "image_id,dx\nC:/old/a.jpg,nv\nC:/old/b.jpg,mel\n")
    write(folder, "two.csv", "image_id,age\na,40\nb,85\n")
    assert meant(folder) == RIGHT


def test_one_patient_s_label_is_not_given_to_the_picture_of_another_that_is_missing(tmp_path, draw):
    draw(tmp_path / "mine/alice/IMG_1.jpg", 1)
    write(tmp_path / "mine", "metadata.csv", "image_id,dx\nbob/IMG_1,mel\nalice/IMG_1,nv\n")
    manifest = datasets.read([tmp_path / "mine"])
    assert [(row.image_id, row.dx) for row in manifest.rows] == [("IMG_1", "nv")]
    [fault] = manifest.faults
    assert "no picture for bob/IMG_1" in fault


def test_a_copy_of_a_picture_in_another_folder_is_left_out(folder):
    """As one download of HAM10000 has them."""
    write(folder, "metadata.csv", TABLE)
    shutil.copytree(folder / "images", folder / "again")
    manifest = datasets.read([folder])
    assert not manifest.faults
    assert [row.image_id for row in manifest.rows] == ["a", "b"]
    assert {dropped.reason for dropped in manifest.dropped} == {"the same picture again"}


def test_what_was_understood_is_told(folder):
    write(folder, "labels.csv", "isic_id;Diagnosis\na;nevus\nb;Melanoma\n")
    notes = "\n".join(datasets.read([folder]).notes)
    assert "image_id from isic_id, dx from diagnosis" in notes
    assert "Melanoma → mel × 1, nevus → nv × 1" in notes


def test_a_stray_folder_beside_sets_is_named_and_left_out(make_set, draw, tmp_path):
    make_set("all/one", [{"image_id": "a", "dx": "nv"}])
    draw(tmp_path / "all/stray/x.jpg", 1)
    manifest = datasets.read([tmp_path / "all"])
    assert [row.image_id for row in manifest.rows] == ["a"]
    [fault] = manifest.faults
    assert "stray: left out" in fault


@pytest.mark.parametrize(
    ("written", "read"), [("III", 3), ("fitz_2", 2), ("4.0", 4), ("unk", None)]
)
def test_skin_types_as_they_are_written(make_set, written, read):
    folder = make_set("types", [{"image_id": "a", "dx": "nv", "skin_type": written}])
    manifest = datasets.read([folder])
    assert not manifest.faults
    assert manifest.rows[0].skin_type == read


def test_a_clinic_s_own_columns_are_not_taken_for_scores(folder):
    """Centimetres, grades and a patient's hair were learnt as shares of what a picture shows."""
    write(folder, "one.csv", "image_id,dx,hair,ulceration,skin\na,nv,1,3,0.5\nb,mel,yes,0,2\n")
    write(folder, "two.csv", "image_id,MONET_erythema,hair\na,0.25,1\nb,7,1\n")
    manifest = datasets.read([folder])
    assert not manifest.faults
    none = (None,) * 3
    assert [row.concepts for row in manifest.rows] == [(*none, 0.25, *none), ()]


def test_scores_by_their_bare_names_are_read_where_all_stand(folder):
    scores = "0.5,1,0,1.5,-0.1,,grey"
    write(folder, "mine.csv", f"image_id,dx,{','.join(CONCEPTS)}\na,nv,{scores}\nb,mel,{scores}\n")
    manifest = datasets.read([folder])
    assert not manifest.faults
    assert manifest.rows[0].concepts == (0.5, 1, 0, None, None, None, None)


def test_a_picture_of_two_classes_is_named_and_left_out(tmp_path, draw):
    """The first one of them, a naevus, would else be taught and measured."""
    for seed, name in enumerate("ab"):
        draw(tmp_path / f"mine/{name}.png", seed)
    (tmp_path / "mine/labels.csv").write_text("image,MEL,NV,BCC\na,0,1,1\nb,1,0,0\n")
    manifest = datasets.read([tmp_path / "mine"])
    assert [(row.image_id, row.dx) for row in manifest.rows] == [("b", "mel")]
    (fault,) = manifest.faults
    assert fault.endswith("row 2: several diagnoses: nv, bcc: left out")
