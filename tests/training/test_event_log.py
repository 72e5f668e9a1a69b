"""TensorBoard sees each step once, whatever happened to the training."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from fastnst.training import event_log


def _events(directory):
    """Returns (step, tag) of everything in all event files, in order."""
    found = []
    for path in sorted(pathlib.Path(directory).iterdir()):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            found += [(event.step, value.tag) for value in event.summary.value]
    return found


def _show(photo):
    return event_log.Shown(255 - photo, {"psnr": 20.0 + photo[0, 0, 0]})


def _log(directory, pictures_every=4):
    photos = [np.full([6, 5, 3], value, np.uint8) for value in (0, 2)]
    return event_log.EventLog(
        directory, photos, _show, pictures_every=pictures_every, batch_size=2
    )


def _fit(tiny, directory, steps, start=0, **options):
    trainer = tiny.trainer()
    trainer.optimizer.iterations.assign(start)
    log = _log(directory, **options)
    trainer.fit(
        tiny.batches(8, 0), steps_per_epoch=steps, verbose=0, callbacks=[log],
        shuffle=False,
    )
    return log


def test_every_term_is_shown_weighted_and_not(tiny, tmp_path):
    _fit(tiny, tmp_path, 4)
    tags = {tag for step, tag in _events(tmp_path) if step == 4}
    terms = ("content", "style_relu1_2", "total_variation")
    assert tags == {
        "objective/total",
        *(f"objective_terms/{term}" for term in terms),
        *(f"objective_weighted/{term}" for term in terms),
        "training/gradient_norm",
        "training/images_per_second",
        "training/learning_rate",
        *(f"validation/{number}" for number in range(2)),
        *(f"validation_psnr/{number}" for number in range(2)),
        "validation/psnr",
    }


def test_values_are_those_of_the_step(tiny, tmp_path):
    _fit(tiny, tmp_path, 3)
    (path,) = tmp_path.iterdir()
    values: dict[int, dict[str, float]] = {}
    for event in tf.compat.v1.train.summary_iterator(str(path)):
        for value in event.summary.value:
            array = tf.make_ndarray(value.tensor)
            values.setdefault(event.step, {})[value.tag] = array
    assert set(values) == {0, 1, 2, 3}
    for step in (1, 2, 3):
        assert values[step]["training/learning_rate"] == np.float32(0.01)
        weighted = [
            value
            for tag, value in values[step].items()
            if tag.startswith("objective_weighted/")
        ]
        total = values[step]["objective/total"]
        np.testing.assert_allclose(np.sum(weighted), total, rtol=1e-5)
        style = values[step]["objective_terms/style_relu1_2"]
        assert values[step]["objective_weighted/style_relu1_2"] == 2 * style
    assert values[0]["validation/psnr"] == 21.0
    width, height, png = values[0]["validation/1"]
    assert (width, height) == (b"5", b"6")
    picture = tf.io.decode_png(png).numpy()
    np.testing.assert_array_equal(picture, np.full([6, 5, 3], 253))


def test_scalars_come_at_the_first_ten_steps_then_at_every_tenth(
    tiny, tmp_path
):
    _fit(tiny, tmp_path, 25, pictures_every=12)
    events = _events(tmp_path)
    assert [s for s, tag in events if tag == "objective/total"] == [
        *range(1, 11),
        20,
    ]
    assert [s for s, tag in events if tag == "validation/0"] == [0, 12, 24]


def test_what_came_after_the_checkpoint_is_forgotten(tiny, tmp_path):
    _fit(tiny, tmp_path, 6)
    (path,) = tmp_path.iterdir()
    # Killed while a record was written.
    with path.open("ab") as file:
        file.write(b"\x40\0\0\0\0\0\0\0half")
    (tmp_path / f".{path.name}").write_bytes(b"left by a kill")
    _fit(tiny, tmp_path, 4, start=4)
    events = _events(tmp_path)
    assert len(events) == len(set(events))
    assert [s for s, tag in events if tag == "objective/total"] == [
        1, 2, 3, 4, 5, 6, 7, 8
    ]
    assert {s for s, tag in events if tag == "validation/0"} == {0, 4, 8}


def test_a_training_killed_before_its_first_checkpoint(tiny, tmp_path):
    for _ in range(2):
        _fit(tiny, tmp_path, 2)
    events = _events(tmp_path)
    assert len(events) == len(set(events))
    assert {step for step, _ in events} == {0, 1, 2}


def test_all_is_on_disk_when_the_step_ends(tiny, tmp_path):
    trainer = tiny.trainer()
    log = _log(tmp_path)
    log.set_model(trainer)
    log.on_train_begin()
    trainer.optimizer.iterations.assign(3)
    log.on_train_batch_end(0, {"loss": np.ones([1])})
    assert (3, "objective/total") in _events(tmp_path)


def test_a_full_disk_is_an_os_error_that_names_the_place(
    tiny, tmp_path, full_disk
):
    trainer = tiny.trainer()
    log = _log(tmp_path)
    log.set_model(trainer)
    log.on_train_begin()
    (path,) = tmp_path.iterdir()
    trainer.optimizer.iterations.assign(1)
    with pytest.raises(OSError, match=f"{tmp_path}.*same command again"):
        with full_disk(path.stat().st_size + 10):
            log.on_train_batch_end(0, {"loss": np.ones([1])})


def test_a_full_disk_does_not_lose_the_log(tiny, tmp_path, full_disk):
    _fit(tiny, tmp_path, 2)
    before = _events(tmp_path)
    with pytest.raises(tf.errors.OpError), full_disk(50):
        event_log.forget_after(tmp_path, 1)
    assert _events(tmp_path) == before
