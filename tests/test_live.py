"""Progress bars and panels, without a browser: the clock and the display are the test's own."""

from __future__ import annotations

import contextlib
import datetime
import html
import io
import threading
from types import SimpleNamespace

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from PIL import Image

from helpers import ascent, images, live, upload

# --- Progress ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def screen(monkeypatch):
    """What is displayed, as (how, HTML), and a clock that the test moves."""
    shown, clock = [], SimpleNamespace(now=100.0)

    def display(message, *, display_id):
        assert display_id is True
        shown.append(("new", message.data))
        return SimpleNamespace(update=lambda message: shown.append(("update", message.data)))

    monkeypatch.setattr(live, "display", display)
    monkeypatch.setattr(live, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return shown, clock


def step(number, total):
    return ascent.Step(number, total, 0.0, torch.zeros(1, 3, 8, 8))


def test_progress_draws_at_most_once_in_a_while_and_clears_at_the_end(screen):
    shown, clock = screen
    on_step = live.progress("Dreaming", every=1.0)
    for number in range(1, 13):
        clock.now += 0.3
        on_step(step(number, 12))
    # Steps end at 0.3, 0.6, ... seconds: drawn at 1.2, 2.4 and, the last, at 3.6.
    assert [how for how, _ in shown] == ["new", "update", "update"]
    assert "Dreaming" in shown[0][1]
    assert "value=4 max=12" in shown[0][1]
    assert "value=8 max=12" in shown[1][1]
    assert shown[2][1] == ""


def test_progress_foretells_the_time_that_is_left(screen):
    shown, clock = screen
    on_step = live.progress("Dreaming", every=1.0)
    clock.now += 10
    on_step(step(2, 8))
    assert "30 s left" in shown[0][1]  # 2 steps took 10 s, 6 are left


def test_progress_of_a_quick_run_shows_no_bar(screen):
    shown, _ = screen
    on_step = live.progress("Dreaming", every=1.0)
    for number in range(1, 4):
        on_step(step(number, 3))
    assert [text for _, text in shown if text] == []


def test_progress_outside_of_a_notebook_is_printed_once(monkeypatch):
    shown = []
    monkeypatch.setattr(live, "display", lambda *_, **__: shown.append(1))  # prints and returns None
    on_step = live.progress("Dreaming", every=0)
    for number in range(1, 6):
        on_step(step(number, 5))
    assert len(shown) == 1


def test_track_yields_every_item_and_counts_them(screen):
    shown, clock = screen
    seen = []
    for item in live.track("abc", "Drawing"):
        seen.append(item)
        clock.now += 1
    assert seen == ["a", "b", "c"]
    assert ["value=1 max=3" in shown[0][1], "value=2 max=3" in shown[1][1], shown[2][1]] == [True, True, ""]


def test_the_bar_goes_away_when_the_work_is_interrupted_or_fails(screen):
    for error in (KeyboardInterrupt, ZeroDivisionError):
        shown, clock = screen
        shown.clear()

        def objective(x, clock=clock, error=error):
            clock.now += 1
            if clock.now % 4 == 0:
                raise error
            return x.sum()

        bar = live.progress("Dreaming", every=0.5)
        with contextlib.suppress(ZeroDivisionError):
            ascent.ascend(torch.zeros(1, 3), objective, steps=9, rule=ascent.signed(0.1), on_step=bar)
        assert "value=" in shown[-2][1]
        assert shown[-1] == ("update", "")


def test_a_bar_that_was_never_drawn_is_not_taken_away(screen):
    shown, _ = screen
    live.progress("Dreaming", every=1.0).close()
    assert shown == []


def test_track_takes_its_bar_away_when_the_loop_ends_early(screen):
    shown, _ = screen
    items = live.track("abc", "Drawing")
    next(items)
    next(items)
    items.close()  # what a `break` or an error leads to
    assert "value=1 max=3" in shown[0][1]
    assert shown[-1][1] == ""


# --- Panels -----------------------------------------------------------------------------------------------------------


def brighten(pixels, *, on_step, steps):
    """A run as short as can be: a tenth brighter in each step."""
    return ascent.ascend(
        pixels,
        lambda x: x.sum(),
        steps=steps,
        rule=ascent.signed(0.1),
        constraint=ascent.unit_range,
        on_step=on_step,
    )


def dark():
    return torch.zeros(1, 3, 16, 12)


def panel_for(run, steps=3):
    return live.Panel(run, {"steps": widgets.IntText(value=steps)}, start=dark(), size=24)


def finish(panel):
    panel.thread.join(timeout=30)
    assert not panel.thread.is_alive()


def shown_in(widget):
    return np.asarray(Image.open(io.BytesIO(widget.value)))


def uploaded(content, name="holiday.jpg"):
    now = datetime.datetime.now(datetime.UTC)
    return (
        {
            "name": name,
            "type": "image/jpeg",
            "size": len(content),
            "content": memoryview(content),
            "last_modified": now,
        },
    )


def png(pixels):
    buffer = io.BytesIO()
    images.to_pil(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_panel_runs_in_a_thread_with_its_settings_and_shows_the_result():
    threads = []

    def run(pixels, *, on_step, steps):
        threads.append(threading.current_thread())
        return brighten(pixels, on_step=on_step, steps=steps)

    panel = panel_for(run)
    panel.controls["steps"].value = 4
    panel.go.click()
    finish(panel)
    assert threads == [panel.thread]
    assert threads[0] is not threading.main_thread()
    torch.testing.assert_close(panel.result, torch.full((1, 3, 16, 12), 0.4))
    assert shown_in(panel.after).shape == (16, 12, 3)
    assert (shown_in(panel.after) == 102).all()
    assert (shown_in(panel.shown["photo"]) == 0).all()
    assert panel.bar.value == 1
    assert panel.message.value == "Done."


def test_buttons_follow_the_work():
    started, release = threading.Event(), threading.Event()

    def run(pixels, *, on_step, steps):
        started.set()
        assert release.wait(30)
        return brighten(pixels, on_step=on_step, steps=steps)

    panel = panel_for(run)
    assert (panel.go.disabled, panel.stop.disabled, panel.keep.disabled) == (False, True, True)
    panel.begin()
    assert started.wait(30)
    assert (panel.go.disabled, panel.stop.disabled, panel.keep.disabled) == (True, False, True)
    assert panel.uploads["photo"].disabled  # or the result would belong to another picture than the one shown
    release.set()
    finish(panel)
    assert (panel.go.disabled, panel.stop.disabled, panel.keep.disabled) == (False, True, False)
    assert not panel.uploads["photo"].disabled


def test_cancel_returns_the_picture_so_far():
    def run(pixels, *, on_step, steps):
        def press_cancel(told):
            if told.step == 3:
                panel.stop.click()
            on_step(told)

        return brighten(pixels, on_step=press_cancel, steps=steps)

    panel = panel_for(run, steps=9)
    panel.begin()
    finish(panel)
    torch.testing.assert_close(panel.result, torch.full((1, 3, 16, 12), 0.3))
    assert panel.bar.value == pytest.approx(3 / 9)
    assert "so far" in panel.message.value
    assert not panel.keep.disabled


def test_a_cancelled_panel_runs_again():
    panel = panel_for(brighten)
    panel.stop.click()
    panel.begin()
    finish(panel)
    torch.testing.assert_close(panel.result, torch.full((1, 3, 16, 12), 0.3))
    assert panel.message.value == "Done."


def test_a_setting_that_the_run_refuses_is_shown_and_the_panel_stays_alive():
    panel = panel_for(brighten, steps=-1)
    panel.begin()
    finish(panel)
    assert "steps is -1" in panel.message.value
    assert panel.result is None
    assert (panel.go.disabled, panel.stop.disabled, panel.keep.disabled) == (False, True, True)
    panel.controls["steps"].value = 2
    panel.begin()
    finish(panel)
    torch.testing.assert_close(panel.result, torch.full((1, 3, 16, 12), 0.2))


@pytest.mark.parametrize("error", [RuntimeError("out of <memory> & luck"), KeyError("layer"), MemoryError()])
def test_any_error_of_the_run_is_shown_as_text_and_the_panel_stays_alive(error):
    def run(pixels, *, on_step, steps):
        if steps == 9:
            raise error
        return brighten(pixels, on_step=on_step, steps=steps)

    panel = panel_for(run, steps=9)
    panel.begin()
    finish(panel)
    assert html.unescape(panel.message.value) == f"{type(error).__name__}: {error}"
    assert "<memory>" not in panel.message.value
    panel.controls["steps"].value = 2
    panel.begin()
    finish(panel)
    torch.testing.assert_close(panel.result, torch.full((1, 3, 16, 12), 0.2))


def test_a_new_run_clears_the_message_of_the_last():
    messages = []

    def run(pixels, *, on_step, steps):
        messages.append(panel.message.value)
        return brighten(pixels, on_step=on_step, steps=steps)

    panel = panel_for(run)
    for _ in range(2):
        panel.begin()
        finish(panel)
        assert panel.message.value == "Done."
    assert messages == ["", ""]


def test_an_upload_becomes_the_picture_at_the_panels_size(noise):
    panel = panel_for(brighten)
    panel.uploads["photo"].value = uploaded(png(noise(1, 3, 40, 48)))
    assert panel.pictures["photo"].shape == (1, 3, 20, 24)
    assert shown_in(panel.shown["photo"]).shape == shown_in(panel.after).shape == (20, 24, 3)
    assert panel.message.value == ""
    panel.begin()
    finish(panel)
    assert panel.result.shape == (1, 3, 20, 24)


def test_a_panel_takes_a_second_picture_and_passes_it_by_name():
    def average(pixels, *, on_step, steps, painting):
        brighten(pixels, on_step=on_step, steps=steps)
        return torch.full_like(pixels, painting.mean())

    start = torch.full((1, 3, 12, 16), 0.2)
    panel = live.Panel(average, {"steps": widgets.IntText(value=2)}, start=dark(), size=24, second={"painting": start})
    assert panel.uploads["painting"].description == "Your painting"
    assert shown_in(panel.shown["painting"]).shape == (12, 16, 3)
    panel.begin()
    finish(panel)
    torch.testing.assert_close(panel.result, torch.full((1, 3, 16, 12), 0.2))
    before = panel.shown["photo"].value
    panel.uploads["painting"].value = uploaded(png(torch.full((1, 3, 48, 40), 0.6)))
    assert panel.pictures["painting"].shape == (1, 3, 24, 20)
    assert shown_in(panel.shown["painting"]).shape == (24, 20, 3)
    assert panel.shown["photo"].value == before
    assert panel.result is None  # it belonged to the old painting
    assert panel.keep.disabled
    panel.begin()
    finish(panel)
    torch.testing.assert_close(panel.result, torch.full((1, 3, 16, 12), 0.6), rtol=0, atol=1e-6)


def test_an_unreadable_second_picture_is_explained_and_keeps_the_old_one():
    panel = live.Panel(brighten, {}, start=dark(), second={"painting": dark() + 0.5})
    panel.uploads["painting"].value = uploaded(b"no picture", name="starry.jpg")
    assert "starry.jpg is not a picture" in panel.message.value
    assert torch.equal(panel.pictures["painting"], dark() + 0.5)


@pytest.mark.parametrize(
    "content", [b"", b"no picture", png(torch.zeros(1, 3, 40, 40))[:60]], ids=["empty", "text", "cut short"]
)
def test_an_unreadable_upload_is_explained_and_keeps_the_old_picture(content):
    panel = panel_for(brighten)
    before = panel.shown["photo"].value
    panel.uploads["photo"].value = uploaded(content)
    assert torch.equal(panel.pictures["photo"], dark())
    assert panel.shown["photo"].value == before
    assert "is not a picture" in panel.message.value or "cut short or damaged" in panel.message.value
    assert panel.message.value.startswith("holiday.jpg is ")


def test_the_name_of_an_upload_is_shown_as_text():
    panel = panel_for(brighten)
    panel.uploads["photo"].value = uploaded(b"no picture", name="<img src=x>.jpg")
    assert panel.message.value.startswith("&lt;img src=x&gt;.jpg is not a picture")


def test_the_result_of_an_old_picture_cannot_be_saved_as_that_of_a_new_one(noise):
    panel = panel_for(brighten)
    panel.begin()
    finish(panel)
    panel.uploads["photo"].value = uploaded(png(noise(1, 3, 40, 48)))
    assert panel.keep.disabled
    assert panel.result is None
    assert panel.message.value == ""


def test_save_writes_the_result(tmp_path):
    panel = panel_for(brighten)
    panel.begin()
    finish(panel)
    panel.path.value = str(tmp_path / "dream.png")
    panel.keep.click()
    assert (images.load(tmp_path / "dream.png") * 255 == round(0.3 * 255)).all()
    assert "Saved" in panel.message.value


@pytest.mark.parametrize(("name", "message"), [("dream.bmp", "ends in '.bmp'"), ("nowhere/dream.png", "no folder")])
def test_a_path_that_cannot_be_written_is_explained(tmp_path, name, message):
    panel = panel_for(brighten)
    panel.begin()
    finish(panel)
    panel.path.value = str(tmp_path / name)
    panel.keep.click()
    assert message in panel.message.value
    assert list(tmp_path.iterdir()) == []


def test_a_panel_shows_its_controls():
    panel = panel_for(brighten)
    assert panel.controls["steps"] in panel.children[0].children
    assert panel.go.description == "Dream"


def test_a_second_click_and_an_upload_wait_for_the_end(photo):
    free, runs = threading.Event(), []

    def run(pixels, **_):
        runs.append(pixels)
        free.wait(10)
        return pixels

    panel = live.Panel(run, {}, start=photo)
    panel.begin()
    first = panel.thread
    panel.begin()
    panel._read("photo", {"new": [{"content": b"", "name": "late.png"}]})
    assert "Wait for the end" in panel.message.value
    free.set()
    first.join(10)
    assert panel.thread is first
    assert len(runs) == 1
    assert panel.result is photo


# --- Uploads ----------------------------------------------------------------------------------------------------------


def send(button, content, *, name="holiday.png", size=None, number=1, parts=None):
    """What the page does: announce the file, then send it in parts."""
    size = len(content) if size is None else size
    button._receive(None, {"begin": {"id": number, "name": name, "type": "image/png", "size": size}}, [])
    for start in list(range(0, len(content), upload.PART))[:parts]:
        button._receive(None, {"part": number}, [memoryview(content[start : start + upload.PART])])


def test_a_photo_over_10_mb_arrives_in_parts_that_a_server_lets_through():
    picture = torch.rand(1, 3, 2100, 2000, generator=torch.Generator().manual_seed(0))
    content, panel = png(picture), panel_for(brighten)
    assert len(content) > 12e6
    assert upload.PART < 10 * 2**20  # tornado's limit of a message
    send(panel.uploads["photo"], content)
    assert panel.pictures["photo"].shape == (1, 3, 24, 23)
    assert bytes(panel.uploads["photo"].value[0]["content"]) == content
    assert panel.message.value == ""


def test_a_photo_over_the_limit_is_refused_with_a_word():
    panel = panel_for(brighten)
    for _ in range(2):  # the second time as well
        panel._say("")
        send(panel.uploads["photo"], b"", size=134_000_000)
        assert panel.message.value.startswith("holiday.png has 134 MB; the most is 100 MB: make the picture smaller")
    assert torch.equal(panel.pictures["photo"], dark())


def test_a_large_value_that_comes_by_another_way_is_refused_too(monkeypatch):
    monkeypatch.setattr(live, "LARGEST_UPLOAD", 1000)
    panel = panel_for(brighten)
    panel.uploads["photo"].value = uploaded(bytes(2000))
    assert "holiday.jpg has 0 MB; the most is" in panel.message.value


def test_a_file_that_the_browser_cannot_read_is_explained():
    panel = panel_for(brighten)
    send(panel.uploads["photo"], b"ab", size=9)
    panel.uploads["photo"]._receive(None, {"failed": "NotReadableError"}, [])
    assert "could not read the file (NotReadableError); choose it again" in panel.message.value


def test_parts_of_a_file_chosen_before_are_not_mixed_in(noise):
    panel, content = panel_for(brighten), png(noise(1, 3, 40, 48))
    button = panel.uploads["photo"]
    send(button, bytes(upload.PART), size=9 * upload.PART, number=1)
    button._receive(None, {"begin": {"id": 2, "name": "b.png", "type": "", "size": len(content)}}, [])
    button._receive(None, {"part": 1}, [b"late"])
    button._receive(None, {"part": 2}, [content])
    button._receive(None, {"part": 2}, [b"too much"])
    assert panel.pictures["photo"].shape == (1, 3, 20, 24)


def test_the_same_file_can_be_sent_again(noise):
    panel, content = panel_for(brighten), png(noise(1, 3, 40, 48))
    send(panel.uploads["photo"], content)
    panel.pictures["photo"] = dark()
    send(panel.uploads["photo"], content)
    assert panel.pictures["photo"].shape == (1, 3, 20, 24)


def test_an_empty_file_is_explained():
    panel = panel_for(brighten)
    send(panel.uploads["photo"], b"")
    assert "is not a picture" in panel.message.value


@pytest.mark.parametrize("content", [bytes, memoryview])
def test_both_forms_of_an_uploads_value_are_understood(noise, content):
    file = content(png(noise(1, 3, 40, 48)))
    eight = ({"name": "a.png", "type": "image/png", "size": len(file), "content": file},)
    seven = {"a.png": {"metadata": {"name": "a.png", "size": len(file)}, "content": file}}
    for value in (eight, list(eight), seven):
        panel = panel_for(brighten)
        panel.uploads["photo"].value = value
        assert panel.pictures["photo"].shape == (1, 3, 20, 24)
    assert [upload.first_file(empty) for empty in ((), {}, None)] == [None] * 3
