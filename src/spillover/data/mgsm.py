"""MGSM: 250 grade-school maths problems of GSM8K, translated by people.

The reference is the answer as the source writes it: the official files have commas
(`5,600`), the Hub's copy has none.
"""

from spillover.data.sources import Files, Hub
from spillover.data.task import Task

TASK = Task(
    name="mgsm",
    description="What number solves a grade-school maths problem?",
    kind="generation",
    template="Question: {question} Answer with a number. The answer is",
    metric="exact_number",
    languages=("en", "fr", "de", "es", "zh", "ja", "bn", "ru", "sw", "te", "th"),
    files=(
        Files(
            path="mgsm/mgsm_{language}.tsv",
            header=("question", "answer"),
            splits={"test": "test"},
            target="answer",
        ),
    ),
    hub=(
        Hub(
            repo="juletxara/mgsm",
            revision="b2f13d426afe3be8d69a7e739b36724db8b66bbc",
            config="{language}",
            splits={"test": "test"},
            target="answer_number",
        ),
    ),
    licence="CC BY 4.0",
    citation=(
        "Shi, Suzgun, Freitag, Wang, Srivats, Vosoughi, Chung, Tay, Ruder, Zhou, Das "
        "and Wei (2023). Language Models are Multilingual Chain-of-Thought Reasoners. "
        "ICLR. English: Cobbe, Kosaraju, Bavarian, Chen, Jun, Kaiser, Plappert, "
        "Tworek, Hilton, Nakano, Hesse and Schulman (2021). Training Verifiers to "
        "Solve Math Word Problems. arXiv 2110.14168."
    ),
    homepage="https://github.com/google-research/url-nlp/tree/main/mgsm",
)
