"""The benchmarks' arithmetic; and that both sides compute the same network."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

HERE = pathlib.Path(__file__).parents[2] / "experiments/benchmarks"

pytestmark = pytest.mark.skipif(
    not HERE.is_dir(), reason="installed without the repository"
)


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    """Lets the scripts import each other, as they do when one is run."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(HERE))
    yield
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(HERE) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]


def _parameters(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_work_of_the_networks():
    import work

    # 2 * 9 * 128 * 128 * 64 * 64 each; the trunk is over half of it all.
    trunk = 10 * 2 * 9 * 128**2 * 64**2
    assert work.transform_flop(256, 256) / 1e9 == pytest.approx(20.2, abs=0.1)
    assert 0.5 < trunk / work.transform_flop(256, 256) < 0.7
    assert work.vgg16_flop(256, 256) / 1e9 == pytest.approx(24.4, abs=0.1)
    assert work.transform_flop(512, 256) == 2 * work.transform_flop(256, 256)
    # The same convolutions, and three heads.
    heads = 2 * (64**2 + 128**2 / 4 + 256**2 / 16) * 256**2
    assert work.vgg16_small_flop(
        (64, 128, 256), 256, 256
    ) == pytest.approx(work.vgg16_flop(256, 256) + heads)
    step = work.training_step_flop(4, 256, 256)
    assert step == 4 * work.training_step_flop(1, 256, 256)
    assert step / 1e9 == pytest.approx(12 * (20.2 + 24.4), rel=0.01)


def test_contestants_take_turns_and_rounds_change_direction():
    import rounds

    order = []

    def contestant(name, seconds):
        def call():
            order.append(name)
            return seconds

        return call

    found = rounds.interleave(
        {name: contestant(name, n) for n, name in enumerate("abc", 1)},
        3,
        rest=0.0,
    )
    assert "".join(order) == "abccbaabc"
    assert found == {"a": [1] * 3, "b": [2] * 3, "c": [3] * 3}


def test_ratios_are_taken_round_by_round():
    import rounds

    # The machine was three times slower in the second round, for both.
    found = rounds.ratios({"own": [1.0, 3.0, 1.0]}, [2.0, 6.0, 2.0])
    assert found["own"] == (0.5, 0.5, 0.5)
    spread = rounds.Spread.of([4.0, 1.0, 3.0, 2.0, 5.0])
    assert spread == (3.0, 2.0, 4.0)
    assert rounds.Spread.of([7.0]) == (7.0, 7.0, 7.0)


def test_table_of_ratios_and_the_readme_around_it(tmp_path):
    import contestants
    import measurements
    import report

    results = measurements.Measurements(
        tmp_path / "measurements.csv", "A machine."
    )
    for name, seconds in (
        (contestants.REFERENCE, [1.0, 2.0]),
        (contestants.COMPILED, [0.8, 1.6]),
        (contestants.ONNX_RUNTIME, [0.5, 1.0]),
        (contestants.SAVED_MODEL, [0.25, 0.5]),
    ):
        results.add("inference", "64x64", name, "time", "s", seconds)
    results.add("inference", "64x64", "", "plain work", "GFLOP", [3.0])
    results.save()
    text = report.markdown(results)
    assert "\ninference: A machine.\n" in text
    (own,) = [
        line
        for line in text.splitlines()
        if line.startswith(f"| {contestants.SAVED_MODEL} /")
    ]
    # ONNX Runtime is the better of the two.
    assert "0.5 (0.5-0.5)" in own
    assert "0.25 (0.25-0.25)" in text, "against PyTorch eager"
    assert " 8 " in text, "3 GFLOP in 0.375 s"
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report._BEGIN}\nold\n{report._END}\nafter\n")
    report.write(tmp_path, text)
    written = readme.read_text()
    assert written.startswith("before\n") and written.endswith("\nafter\n")
    assert text in written and "old" not in written
    lines = (tmp_path / "measurements.csv").read_text().splitlines()
    assert lines[0].split(",")[-2:] == ["value", "setup"] and len(lines) == 10


def test_a_part_replaces_itself_and_no_other(tmp_path):
    import measurements

    path = tmp_path / "measurements.csv"
    old = measurements.Measurements(path, "old versions")
    for part in ("floor", "fit"):
        old.add(part, "", "one", "time", "s", [0.1, 1 / 3])
    old.save()
    new = measurements.Measurements(path, "new versions")
    assert new.of("fit", "", "one") == [0.1, 1 / 3]
    # Of other versions: --resume measures it again.
    assert old.knows("floor") and not new.knows("floor")
    new.forget("floor")
    new.add("floor", "", "one", "time", "s", [7.0])
    # Stopped before the part was whole: nothing is lost.
    assert measurements.Measurements(path).all == old.all
    new.save()
    again = measurements.Measurements(path, "new versions")
    assert again.of("floor", "", "one") == [7.0]
    assert again.knows("floor") and not again.knows("fit")
    assert again.setups() == {
        "old versions": ["fit"],
        "new versions": ["floor"],
    }


def test_a_size_replaces_itself_and_no_other(tmp_path):
    import measurements
    import report

    results = measurements.Measurements(tmp_path / "measurements.csv", "setup")
    for size in ("64x32", "1024x512", "640x480"):
        results.add(
            "inference", size, "PyTorch eager", "time", "s", [1.0, 2.0]
        )
    assert results.knows("inference", ["64x32", "640x480"])
    assert not results.knows("inference", ["64x32", "32x32"])
    results.forget("inference", ["64x32"])
    assert not results.knows("inference", ["64x32"])
    assert results.names("inference", "case") == ["1024x512", "640x480"]
    results.add("inference", "64x32", "PyTorch eager", "time", "s", [3.0, 3.0])
    assert "| | 64x32 | 640x480 | 1024x512 |" in " ".join(
        report.markdown(results).split()
    )


def test_missing_packages_are_named_before_anything_is_measured(monkeypatch):
    import machine

    monkeypatch.setattr(machine, "_PACKAGES", ("numpy", "no-such-package"))
    with pytest.raises(ValueError, match="no-such-package.*benchmarks"):
        machine.versions()


def test_workers_do_not_import_what_is_not_theirs():
    """Else all of them would show TensorFlow's memory."""
    heavy = ("tensorflow", "keras", "torch", "onnxruntime")
    script = f"import sys, run; print(sys.modules.keys() & {set(heavy)})"
    found = subprocess.run(
        [sys.executable, "-c", script],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "set()"


def test_a_failing_worker_says_why_and_goes_on():
    import worker

    started = worker.Worker(1)
    try:
        with pytest.raises(worker.WorkerError, match="ModuleNotFoundError"):
            started.call("no_such_module:function")
        assert started.call("os:getpid") > 0
        assert started.call("worker:peak_bytes") > 2**20
        with pytest.raises(worker.WorkerError, match="exit code 7"):
            started.call("os:_exit", 7)
    finally:
        started.close()


def test_twin_has_the_parameters_of_the_published_network():
    pytest.importorskip("torch")
    import torch_network
    import torch_training

    # Table 1 of the supplement has as many: the paddings differ, not these.
    network = torch_network.TransformNetwork()
    assert _parameters(network) == 1_679_235
    # VGG16's own to conv3_3.
    kernels = [3 * 64, 64 * 64, 64 * 128, 128 * 128, 128 * 256]
    kernels += [256 * 256] * 2
    biases = 2 * 64 + 2 * 128 + 3 * 256
    expected = 9 * sum(kernels) + biases
    assert _parameters(torch_training.LossNetwork()) == expected


def _copy(convolution, layer):
    import torch

    kernel = np.transpose(layer.kernel.numpy(), [3, 2, 0, 1])
    convolution.weight.copy_(torch.from_numpy(np.ascontiguousarray(kernel)))


def _copy_block(block, own):
    import torch

    _copy(block.padded.convolution, own.convolution)
    scale, shift = [weight.numpy()[0] for weight in own.normalization.weights]
    block.normalization.weight.copy_(torch.from_numpy(scale))
    block.normalization.bias.copy_(torch.from_numpy(shift))


@pytest.mark.parametrize("size", [(32, 48), (64, 36)])
def test_both_sides_compute_the_same_network(size):
    torch = pytest.importorskip("torch")
    import keras
    import torch_network

    from fastnst.networks import style_transfer_network

    keras.utils.set_random_seed(3)
    own = style_transfer_network.StyleTransferNetwork()
    own.build()
    twin = torch_network.TransformNetwork().eval()
    with torch.no_grad():
        for theirs, ours in zip(twin, own.blocks):
            if hasattr(ours, "first"):
                _copy_block(theirs.first, ours.first)
                _copy_block(theirs.second, ours.second)
            else:
                _copy_block(theirs, ours)
        _copy(twin[-1].convolution, own.to_pixels)
        twin[-1].convolution.bias.zero_()
        pictures = np.random.default_rng(0).uniform(0, 255, [1, *size, 3])
        pictures = pictures.astype(np.float32)
        expected = twin(torch_network.channels_first(pictures))
    expected = np.transpose(expected.numpy(), [0, 2, 3, 1])
    # The end that the twin lacks.
    expected = 127.5 * (1.0 + np.tanh(5.0 / 127.5 * expected))
    found = own(pictures, training=False).numpy()
    assert np.std(expected) > 2
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_a_ring_sums_in_the_time_that_its_parts_take():
    import scaling

    # Two GPUs send half of it twice, four send a quarter six times.
    assert scaling.ring_seconds(1e6, 2, 8e6, 0.0) == pytest.approx(1.0)
    assert scaling.ring_seconds(1e6, 4, 8e6, 0.0) == pytest.approx(1.5)
    assert scaling.ring_seconds(0.0, 4, 8e6, 0.1) == pytest.approx(0.6)
    assert scaling.ring_seconds(1e6, 1, 8e6, 0.1) == 0.0


def test_scaling_on_paper():
    import scaling

    given = scaling.Assumptions()
    # 1.67 million weights; 134 GFLOP an image.
    assert scaling.gradient_bytes() / 4e6 == pytest.approx(1.67, abs=0.01)
    alone = scaling.step_seconds(given, 1, 10)
    assert alone == pytest.approx(16 * 133.6e9 / (0.25 * 989e12), rel=1e-3)
    for gpus in scaling.GPUS[1:]:
        # Never more than so many GPUs, and a faster network is faster.
        ideal = gpus * given.batch / alone
        speeds = [
            scaling.images_per_second(given, gpus, gigabits)
            for gigabits in scaling.BANDWIDTHS
        ]
        assert speeds == sorted(speeds)
        assert speeds[-1] < ideal


def test_the_table_of_the_cluster_is_the_model():
    import scaling

    readme = HERE.parents[1] / "export" / "cluster" / "README.md"
    text = readme.read_text(encoding="utf-8")
    assert scaling.table(scaling.Assumptions()) in text


def test_the_weights_are_those_of_the_network():
    import work

    from fastnst.networks import style_transfer_network

    network = style_transfer_network.StyleTransferNetwork()
    network.build((None, None, None, 3))
    counted = work.transform_weights()
    assert 0.995 < counted / network.count_params() < 1.0


def test_primitives_of_a_network_are_its_convolutions(run_script):
    done = run_script(
        HERE / "primitives.py", "network", "--size=64x64", "--runs=2"
    )
    assert done.returncode == 0, done.stderr
    table = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in done.stdout.strip().splitlines()[2:]
    ]
    *_, rest, whole = table
    convolutions = [row for row in table if row[0].startswith("convolution")]
    # Three layers before the ten of the trunk, three after it.
    assert sum(float(row[1]) for row in convolutions) == 16
    assert all(float(row[4]) > 0 for row in convolutions)
    parts = sum(float(row[2]) for row in table[:-1])
    assert parts == pytest.approx(float(whole[2]), rel=0.01)
    assert float(rest[2]) > 0
