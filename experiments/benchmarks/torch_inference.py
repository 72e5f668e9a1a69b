"""PyTorch's ways of running the transform network."""

import torch
import torch_network


def eager(case):
    """As pytorch/examples runs it."""
    torch.set_num_threads(case.threads)
    network = _network()
    pictures = torch_network.channels_first(case.pictures())

    def run():
        with torch.no_grad():
            return network(pictures)

    return run


def compiled(case):
    """`torch.compile`, with its defaults, for this size alone."""
    torch.set_num_threads(case.threads)
    torch.compiler.reset()
    network = torch.compile(_network(), dynamic=False)
    pictures = torch_network.channels_first(case.pictures())

    def run():
        with torch.no_grad():
            return network(pictures)

    return run


def compiled_bfloat16(case):
    """`torch.compile`, channels_last, bfloat16 autocast."""
    torch.set_num_threads(case.threads)
    torch.compiler.reset()
    network = _network().to(memory_format=torch.channels_last)
    network = torch.compile(network, dynamic=False)
    pictures = torch_network.channels_first(case.pictures())
    pictures = pictures.to(memory_format=torch.channels_last)

    def run():
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            return network(pictures)

    return run


def write_onnx(case) -> None:
    """Exports the network for one size of picture to ONNX."""
    torch.onnx.export(
        _network(),
        (torch.zeros([1, 3, case.height, case.width]),),
        f"{case.directory}/{case.name}.onnx",
        input_names=["image"],
        output_names=["transformed"],
        opset_version=17,
        dynamo=False,
    )


def _network():
    torch.manual_seed(0)
    return torch_network.TransformNetwork().eval()
