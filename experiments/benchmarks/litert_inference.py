"""LiteRT, on files that `fastnst.export` makes. Needs no TensorFlow."""

from ai_edge_litert import interpreter as litert


def run_file(case, precision: str):
    """Runs "<width>x<height>_<precision>.tflite" of the case's folder."""
    interpreter = litert.Interpreter(
        model_path=f"{case.directory}/{case.name}_{precision}.tflite",
        num_threads=case.threads,
    )
    interpreter.allocate_tensors()
    signature = interpreter.get_signature_runner()
    pictures = case.pictures()
    return lambda: signature(image=pictures)
