"""Translating texts with a pretrained sequence-to-sequence model; what is translated is kept."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Self

from pydantic import model_validator

from plait import digests
from plait.artifacts import read_json, write_json
from plait.errors import UserError
from plait.models.origins import Origin, refuse_unpinned
from plait.models.pretrained import PARTS, Pretrained, find
from plait.settings import Commit, setting
from plait.settings import Settings as Base
from plait.workspace import cache_folder

if TYPE_CHECKING:
    import numpy as np

BATCH = 16
"""Texts at once."""

TRANSLATOR_PARTS = (
    *PARTS,
    *("generation_config.json", "vocab.json", "target_vocab.json"),
    *("source.spm", "target.spm", "spiece.model", "sentencepiece.bpe.model"),
)


class Translator(Base):
    """A model that translates: any of transformers' sequence-to-sequence models, as safetensors."""

    origin: Origin = setting("place of the model: a package, a folder of the project, or the hub")
    name: str = setting(
        "name of the model's package, of its folder, or of the model on the hub", min_length=1
    )
    revision: Commit | None = setting("commit of a model on the hub, which pins the model")
    digest: str | None = setting("digest of the model's files, which pins the model")
    prefix: str = setting("text put before each text, as T5 wants it")

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        refuse_unpinned(self.origin, self.name, self.revision, self.digest)
        return self


def translated(
    texts: "np.ndarray",
    translator: Translator,
    where: str,
    *,
    best: int,
    beams: int,
    max_length: int,
) -> "np.ndarray":
    """The best translations of each text, object (best, rows).

    They are kept in the cache of this machine, so that a training that goes on need not wait again.

    :param texts: object, (rows,).
    :param where: the setting that names the model, for errors.
    :raises UserError: if the model is not there, is another than was pinned, or can't be read.
    """
    import numpy as np

    source = find(
        translator.origin,
        translator.name,
        translator.revision,
        translator.digest,
        where=where,
        parts=TRANSLATOR_PARTS,
    )
    given = [translator.prefix + str(text) for text in texts]
    settings = [source.digest(), best, beams, max_length, version("transformers")]
    key = digests.of_text(repr([settings, given]), digests.LONG)
    path = cache_folder("translations") / f"{key}.json"
    if not path.is_file():
        print(f"{where}: translates {len(given)} texts", flush=True)
        write_json(path, _translate(source, given, where, best, beams, max_length))
    result = np.empty((best, len(given)), dtype=object)
    result[:] = read_json(path)
    return result


def _translate(
    source: Pretrained, texts: list[str], where: str, best: int, beams: int, max_length: int
) -> list[list[str]]:
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model: Any = AutoModelForSeq2SeqLM.from_pretrained(
            source.folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        ).eval()
        tokenizer: Any = AutoTokenizer.from_pretrained(source.folder, local_files_only=True)
    except (OSError, ValueError, ImportError) as error:
        said = str(error).strip().partition("\n")[0]
        raise UserError(
            f"{where}: no translation model can be read from {source.folder.name}: {said}\n  it"
            " takes a sequence-to-sequence model with its tokenizer, weights as *.safetensors"
        ) from error
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    found: list[list[str]] = [[""] * len(texts) for _ in range(best)]
    # Texts of like length together; the order of equal ones is that of the rows.
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        inputs = tokenizer(
            [texts[row] for row in rows],
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=max_length,
        ).to(model.device)
        with torch.inference_mode():
            tokens = model.generate(
                **inputs,
                num_beams=beams,
                num_return_sequences=best,
                do_sample=False,
                max_new_tokens=max_length,
            )
        sentences = tokenizer.batch_decode(tokens, skip_special_tokens=True)
        for place, sentence in enumerate(sentences):
            # An empty one would be no text.
            found[place % best][rows[place // best]] = (
                sentence.strip() or texts[rows[place // best]]
            )
    return found
