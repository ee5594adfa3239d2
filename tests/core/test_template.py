"""Placeholders of a template."""

from __future__ import annotations

import pytest

from headway.core.template import placeholders, sound


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("plain", set()),
        ("{{question}} {{ passages }}", {"question", "passages"}),
        ("{{two words}} {{}} {one}", set()),
        ("{{{question}}}", {"question"}),
    ],
)
def test_names_between_double_braces(text: str, names: set[str]) -> None:
    assert placeholders(text) == names


def test_a_sound_template_is_given_back() -> None:
    for template in ("no places", "{{history}} {{question}}"):
        assert sound(template) == template


@pytest.mark.parametrize("template", ["{{nobody}} {{question}}", "{{passages}}"])
def test_one_that_cannot_work_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"\{\{"):
        sound(template)
