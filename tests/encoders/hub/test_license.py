"""License statements in the folders of modules."""

from pathlib import Path

import pytest

from tfmmrec.encoders.hub.license import stated_license


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "saved_model.pb").touch()
    return tmp_path


def test_the_head_of_a_licence_goes_before_a_readme(module):
    (module / "README.md").write_text("license: mit\n")
    (module / "LICENSE").write_text("\n   Apache License\n  Version 2.0, 2004\n\n  TERMS\n")
    assert stated_license(str(module)) == "LICENSE: “Apache License / Version 2.0, 2004”"


@pytest.mark.parametrize(
    ("readme", "words"),
    [
        ("---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\n", "license: apache-2.0"),
        ("# A model\n\n## License\n\nMIT, see the authors' page.\n", "MIT, see the authors' page."),
        ("A model\n\nLicence\n-------\nresearch only\n", "research only"),
        ("It is licensed under CC BY 4.0.\n", "It is licensed under CC BY 4.0."),
        ("## License: " + "x" * 200, "License: " + "x" * 151 + " …"),
    ],
)
def test_the_line_of_a_readme_that_speaks_of_one(module, readme, words):
    (module / "LICENSE").touch()  # which says nothing
    (module / "README.md").write_text(readme)
    assert stated_license(str(module)) == f"README.md: “{words}”"


def test_where_nothing_is_said(module, tmp_path):
    (module / "README.md").write_text("A model\n\n## License\n")
    assert stated_license(str(module)) is None
    assert stated_license(str(tmp_path / "gone")) is None
