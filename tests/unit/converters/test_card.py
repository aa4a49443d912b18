"""Model cards, and the table of models/README.md."""

from __future__ import annotations

import json
from pathlib import Path

from converters import card
from edge_fer.tflite.manifest import Manifest
from tests.manifests import emotion_manifest, identity_manifest

MODELS = Path(__file__).parents[3] / "models"


def put(folder: Path, manifest: Manifest) -> None:
    """A manifest as a file."""
    path = folder / Path(manifest.file).with_suffix(".json")
    path.write_text(json.dumps(manifest.model_dump(mode="json", by_alias=True)), encoding="utf-8")


def test_a_card_says_what_the_manifest_says() -> None:
    """Source, license, thresholds, parity."""
    manifest = identity_manifest().model_copy(update={"parity": {"cosine_mean": 0.9995}, "notes": ("Mind this.",)})
    text = card.text(manifest)
    for expected in ("# fake-identity", "CC0-1.0", "fmr_1e-3_single 0.925", "cosine_mean 0.9995", "- Mind this."):
        assert expected in text


def test_a_card_leaves_out_what_is_not_known() -> None:
    """No empty rows."""
    assert "On labeled data" not in card.text(emotion_manifest("a", "b"))


def test_the_table_is_written_between_its_marks(tmp_path: Path) -> None:
    """Prose around it stays; detectors come before identity, identity before emotion."""
    put(tmp_path, emotion_manifest("a", "b"))
    put(tmp_path, identity_manifest())
    (tmp_path / "other.json").write_text('{"labels": []}', encoding="utf-8")
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{card.BEGIN}\nold\n{card.END}\nafter\n", encoding="utf-8")
    card.write_table(tmp_path)
    text = readme.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert text.index("identity.tflite") < text.index("emotion.tflite")


def test_a_folder_without_a_readme_gets_none(tmp_path: Path) -> None:
    """Nor is a README without marks touched."""
    card.write_table(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    card.write_table(tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"


def test_the_shipped_table_and_cards_are_current() -> None:
    """They are what the manifests give."""
    readme = (MODELS / "README.md").read_text(encoding="utf-8")
    assert card.table(MODELS) in readme
    for path in MODELS.glob("*.tflite"):
        manifest = Manifest.model_validate_json(path.with_suffix(".json").read_bytes())
        assert path.with_suffix(".md").read_text(encoding="utf-8") == card.text(manifest)
