"""What was thought, apart from what was said."""

from __future__ import annotations

import pytest

from headway.core.thinking import apart, thinks


@pytest.mark.parametrize(
    ("text", "thought", "said"),
    [
        ("<think>so\nso</think>\n\n42", "so\nso", "42"),
        ("  <think>so</think> 42 ", "so", "42"),
        ("<think>\n\n</think>\n42", "", "42"),  # thinking switched off
        ("<think>they want 42", "they want 42", ""),  # cut
        ("<think>", "", ""),
        ("they want 42\nso\n</think>\n\n42", "they want 42\nso", "42"),  # opened in the prompt
        ("Well. <think>so\n</think>42", "Well. <think>so", "42"),
        ("42", "", "42"),
        (" 42 ", "", " 42 "),
        ("", "", ""),
        # What stands in an answer is no thinking.
        ('{"a": "\n</think> b"}', "", '{"a": "\n</think> b"}'),
        ("```json\n</think>\n```", "", "```json\n</think>\n```"),
        ("Write </think> at its end.", "", "Write </think> at its end."),
        ("Write <think> first.", "", "Write <think> first."),
    ],
)
def test_a_block_is_thought_and_the_rest_is_said(text: str, thought: str, said: str) -> None:
    assert apart(text) == (thought, said)
    assert thinks(text) == (bool(thought) or text == "<think>")
