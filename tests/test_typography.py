"""Numbers as on paper, and nothing else touched."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import torch

from helpers import typography


@pytest.mark.parametrize(
    ("number", "digits", "shown"),
    [
        (2e-7, 1, "2 × 10⁻⁷"),
        (2.46e-7, 1, "2 × 10⁻⁷"),
        (2.46e-7, 2, "2.5 × 10⁻⁷"),
        (1e-7, 1, "10⁻⁷"),
        (1e-7, 2, "1.0 × 10⁻⁷"),
        (9.6e-8, 1, "10⁻⁷"),
        (-3e12, 1, "-3 × 10¹²"),
        (-1e-5, 1, "-10⁻⁵"),
        (1e-308, 1, "10⁻³⁰⁸"),
        (1, 1, "1"),
        (2.5, 2, "2.5"),
        (10, 1, "10¹"),
        (0, 3, "0"),
        (-0.0, 1, "0"),
        (math.inf, 1, "∞"),
        (-math.inf, 1, "-∞"),
        (math.nan, 1, "nan"),
        (torch.tensor(2e-7), 1, "2 × 10⁻⁷"),
        (np.float32(2e-7), 1, "2 × 10⁻⁷"),
    ],
)
def test_a_number_is_written_as_on_paper(number, digits, shown):
    assert typography.power_of_ten(number, digits=digits) == shown


def test_a_number_without_digits_is_refused():
    with pytest.raises(ValueError, match="digits is 0; a number has at least 1"):
        typography.power_of_ten(1.0, digits=0)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("under 2e-07, or 4.5e-05", "under 2 × 10⁻⁷, or 4.5 × 10⁻⁵"),
        ("1e-16, 1e+03 and 0e+00", "10⁻¹⁶, 10³ and 0"),
        ("-2e-07 (-1e-05) 1e-05–2e-05, ε=3e-08.", "-2 × 10⁻⁷ (-10⁻⁵) 10⁻⁵–2 × 10⁻⁵, ε=3 × 10⁻⁸."),
        ("3e-08/2e-07 and 3e+00", "3 × 10⁻⁸/2 × 10⁻⁷ and 3"),
        ("<b>2e-07</b>", "<b>2 × 10⁻⁷</b>"),
        ('<b style="color:#009e73">2e-07</b>', '<b style="color:#009e73">2 × 10⁻⁷</b>'),
        ("a &lt; 2e-07&nbsp;m", "a &lt; 2 × 10⁻⁷&nbsp;m"),
        ("a < 2e-07 and b > 3e-08", "a < 2 × 10⁻⁷ and b > 3 × 10⁻⁸"),
        ("x <2e-07, y >3e-08", "x <2 × 10⁻⁷, y >3 × 10⁻⁸"),
        ("<code>1e-05</code> is 1e-05", "<code>1e-05</code> is 10⁻⁵"),
        ("`1e-05` is 1e-05, ``a ` 1e-05`` too", "`1e-05` is 10⁻⁵, ``a ` 1e-05`` too"),
        ("[1e-05](1e-05.html) 1e-05", "[10⁻⁵](1e-05.html) 10⁻⁵"),
        ("```\n1e-05\n```\n1e-05", "```\n1e-05\n```\n10⁻⁵"),
        ("<!-- 1e-05 --> 1e-05", "<!-- 1e-05 --> 10⁻⁵"),
    ],
)
def test_the_numbers_of_the_running_text_are_written_as_on_paper(written, shown):
    assert typography.powers_of_ten(written) == shown


@pytest.mark.parametrize(
    "text",
    [
        '<b style="color:#009e73">x</b>',
        "the color #009e73",
        "the color 009e73 or 1e5",  # Python writes numbers with a sign
        "stage1e-3, 0.5, relu1_1 and e-5",
        "550e8400-e29b-41d4-a716-446655440000, 12e-45-ab",
        "version 1.2.3e-4, v1e-5, 1e-5.2, 1e-05x, 0x1e-5",
        "<img alt=\"a > 1e-05\" width=1e-05 src='x 1e-05'>",
        "<span\n data-x='1e-05'\n>x</span>",
        "<CODE class='a'>1e-05 <b>1e-05</b></CODE>",
        "<code>1e-05",
        "<pre>1e-05\n</pre><kbd>1e-05</kbd><script>1e-05</script><style>a{opacity:1e-05}</style>",
        "&#1e-05; &#x1e; &amp;",
        "https://example.org/1e-05/x, (see http://a.b/?q=1e-05)",
        "{term}`1e-05 <1e-05>`",
        "~~~\n1e-05",
    ],
)
def test_what_is_no_number_of_the_running_text_stays(text):
    assert typography.powers_of_ten(text) == text


@pytest.mark.parametrize("text", ["<a", "`", "&", '<a "', "1e", "`a", "<!--", "<code>", "a.", "]("])
def test_no_text_takes_long(text):
    start = time.process_time()
    assert typography.powers_of_ten(text * 3000) == text * 3000
    assert time.process_time() - start < 2
