"""Groups of runs side by side: mean and spread over seeds and folds, and what a difference of two
means is worth.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import streamlit as st

from ham import report, store
from ham.charts.groups import group_curves, group_scores
from ham.charts.training import CURVES
from ham.config import HamError
from ham.evaluation import SCORES, Evaluation, format_score
from ham.report import Group, GroupDifference, NotComparable, RunName
from ham.store import Found
from ham.ui.comparison import address
from ham.ui.comparison.choice import drawing_lesions
from ham.ui.comparison.chooser import all_groups
from ham.ui.comparison.doubts import doubtful
from ham.ui.comparison.files import download_row
from ham.ui.frame import chart, choose, is_dark, link, plain, tabs, whole_table

RUNS, GROUPS = "Runs", "Groups"
_SHOWN_FIRST = ("ships-cnn-described", "ships-lstm-described", "ships-resnet-improved")


def runs_or_groups() -> str:
    """Which of the two the page is about; a link to either opens it."""
    for what, name in ((RUNS, "runs"), (GROUPS, "groups")):
        if address.asked(name):
            st.session_state["comparison_what"] = what
    known = "comparison_what" in st.session_state
    return choose(
        "Compare",
        [RUNS, GROUPS],
        "comparison_what",
        None if known else RUNS,
        label_visibility="collapsed",
        help="A group: runs that differ in seed or fold alone, or that share a tag. One run says "
        "little; a group has a mean and a spread.",
    )


def compare_groups(found: Found) -> None:
    """All about groups, from their choice to their files."""
    address.forget(*(name for name in st.query_params if name != "groups"))
    groups = _chosen(found)
    if not groups:
        st.info("Choose at least one group.", icon=":material/arrow_upward:")
        return
    _scores(groups)
    first, *others = groups
    differences = _differences(groups[first], {name: groups[name] for name in others}, first)
    tabs(
        {
            "Learning curves": lambda: _curves(groups),
            "Members": lambda: _members(groups),
            "Pooled folds": lambda: _pooled(groups),
            "Doubtful labels": lambda: doubtful(groups),
            "Download": lambda: _downloads(groups, differences),
        },
        "comparison_groups_tab",
    )


def _chosen(found: Found) -> dict[RunName, Group]:
    own = report.find_groups(found.models)
    by_id = {group.id: group for group in [*own, *report.shipped_groups()]}
    if not own:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                ":gray[No own runs make a group yet: train 5 folds, or some seeds, of the same "
                "settings. The cross-validation that ships is there to be compared with.]",
                width="stretch",
            )
            link("Training", "Train 5 folds", width="content")
    if asked := address.asked("groups"):
        st.session_state["comparison_groups"] = [i for i in asked.split(",") if i in by_id]
    default = [group.id for group in own[:2]] or [i for i in _SHOWN_FIRST if i in by_id]
    kept = st.session_state.get("comparison_groups", default)
    st.session_state["comparison_groups"] = [i for i in kept if i in by_id]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = st.multiselect(
            "Groups to compare",
            list(by_id),
            format_func=lambda group: by_id[group].title,
            key="comparison_groups",
            persist_state="session",
            max_selections=report.MAX_GROUPS,
            placeholder="Choose one or more",
            help="The first is the baseline, A. The address of this page names the groups chosen.",
            width="stretch",
        )
        all_groups(list(by_id.values()), chosen)
    address.say("groups", ",".join(chosen))
    letters = "ABCDEF"
    return {RunName(letters[place], by_id[i].title): by_id[i] for place, i in enumerate(chosen)}


def _scores(groups: Mapping[RunName, Group]) -> None:
    st.header("Scores over seeds and folds", anchor=False)
    score = choose(
        "Score",
        list(SCORES),
        "comparison_groups_score",
        "balanced_accuracy",
        label_visibility="collapsed",
        format_func=lambda score: SCORES[score].title,
    )
    chart(group_scores(groups, score, is_dark()), "comparison_group_scores")
    st.table(
        report.spread_table(groups),
        border="horizontal",
        alt="Mean, standard deviation and range of every score by group",
    )
    st.caption(
        "Mean ± standard deviation over the runs, and the range. The spread holds what another "
        "seed does to the training and, where the seed or the fold moves the test part, what "
        "another test part does to the score."
    )


def _differences(
    first: Group, others: Mapping[RunName, Group], name_of_first: RunName
) -> dict[RunName, GroupDifference]:
    found = {}
    if others:
        st.header(f"Differences to {name_of_first.short}", anchor=False)
    for name, group in others.items():
        try:
            with drawing_lesions():
                found[name] = _difference(group, first, _version(group), _version(first))
        except NotComparable as error:
            st.info(
                f"**{plain(name.short)} and {plain(name_of_first.short)} cannot be compared:** "
                f"{plain(error.why)} {plain(error.todo)}",
                icon=":material/difference:",
            )
            continue
        words = report.group_difference_in_words(name.short, name_of_first.short, found[name])
        st.markdown(f"**{plain(name)}**: {words}")
    if found:
        st.table(
            report.paired_table(name_of_first, found),
            border="horizontal",
            alt="Differences of the groups' means",
        )
        _how(found)
    return found


def _how(found: Mapping[RunName, GroupDifference]) -> None:
    methods = " and ".join(dict.fromkeys(one.method for one in found.values()))
    words = [
        f"In brackets 95 % intervals and p by {methods}: runs of the same seed and fold are "
        "paired. Folds share most of their training images, so their scores are no independent "
        "draws, and the corrected test widens the interval for it; **bold** where it leaves zero "
        "out."
    ]
    if report.PAIRED in {one.method for one in found.values()}:
        words.append("On one test part it tells of trainings, and nothing of other test images.")
    if any(one.pooled for one in found.values()):
        words.append(
            "Pooled: all test answers of the pairs together, drawn by lesion; it tells of other "
            "lesions, and nothing of other trainings."
        )
    for why in dict.fromkeys(one.not_pooled for one in found.values() if one.not_pooled):
        words.append(f"No pooled interval: {plain(why)}")
    st.caption(" ".join(words))


@st.cache_data(max_entries=20, show_spinner=False)
def _difference(
    _ours: Group, _first: Group, ours: tuple[object, ...], first: tuple[object, ...]
) -> GroupDifference:
    return report.compare_groups(_ours, _first)


def _version(group: Group) -> tuple[object, ...]:
    """Changes when what is known of the group does."""
    return group.id, *(store.predictions_version(run) for run in group.runs)


# -------------------------------------------------------------------------------- tabs


def _curves(groups: Mapping[RunName, Group]) -> None:
    histories = {
        name: [history for run in group.runs if len(history := store.read_history(run))]
        for name, group in groups.items()
    }
    histories = {name: some for name, some in histories.items() if some}
    if not histories:
        st.markdown("Only the numbers of these groups are here, not their learning curves.")
        return
    measure = choose(
        "Measure beside the loss",
        [m for m in CURVES if m != "loss"],
        "comparison_groups_curve",
        "balanced_accuracy",
        label_visibility="collapsed",
        format_func=lambda m: CURVES[m][0].capitalize(),
    )
    for column, metric in zip(st.columns(2, gap="large"), ("loss", measure), strict=True):
        with column:
            figure = group_curves(histories, metric, is_dark())
            chart(figure, f"comparison_groups_curve_{metric}")


def _members(groups: Mapping[RunName, Group]) -> None:
    for name, group in groups.items():
        st.markdown(f"**{plain(name)}**")
        table = report.member_table(group)
        table["run"] = [f"/comparison?runs={run}" if run else None for run in table["run"]]
        table.insert(0, "run", table.pop("run"))
        shown = {
            score: st.column_config.NumberColumn(SCORES[score].title, format="%.3f")
            for score in SCORES
        }
        whole_table(
            table.rename(
                columns={
                    "seed": "Seed", "fold": "Fold", "n_test": "Test images",
                    "test_part": "Test part", "run": "Run",
                }
            ),
            f"The runs of {name}",
            hide_index=True,
            column_config=shown
            | {"Run": st.column_config.LinkColumn(display_text="Open", width="small")},
        )  # fmt: skip


def _pooled(groups: Mapping[RunName, Group]) -> None:
    for name, group in groups.items():
        try:
            with drawing_lesions():
                covers, found = _evaluated(group, _version(group))
        except HamError as error:
            st.markdown(f"**{plain(name)}**: not pooled, as {plain(error.why)}")
            continue
        what = "every image of the data tested once" if covers else "not every image of the data"
        scores = ", ".join(
            f"{SCORES[key].word} {format_score(key, one)}" for key, one in found.scores.items()
        )
        st.markdown(
            f"**{plain(name)}**: {found.n_images:,} images of {found.n_lesions:,} lesions, {what}: "
            f"{scores}."
        )
    st.caption(
        "The folds of one cross-validation, whose test parts do not overlap, as one test part; "
        "in brackets 95 % intervals by bootstrap over lesions. Each fold has its own model, and an "
        "AUC also compares probabilities of different models."
    )


@st.cache_data(max_entries=20, show_spinner=False)
def _evaluated(_group: Group, version: tuple[object, ...]) -> tuple[bool, Evaluation]:
    """Whether the folds cover the data, and what they score as one. Raises NotPooled and what
    `report.pool` does.
    """
    pooled = report.pool(_group)
    return pooled.covers, pooled.evaluation


def _downloads(
    groups: Mapping[RunName, Group], differences: Mapping[RunName, GroupDifference]
) -> None:
    download_row(
        "Members (CSV)",
        "ham-lab-groups.csv",
        lambda: report.members_csv(groups),
        "A row a run: its group, seed, fold and scores.",
    )
    download_row(
        "All numbers (JSON)",
        "ham-lab-groups.json",
        lambda: _document(groups, differences),
        "Members, mean and spread of every score, pooled scores and differences to A.",
    )


def _document(
    groups: Mapping[RunName, Group], differences: Mapping[RunName, GroupDifference]
) -> str:
    pooled = {}
    for group in groups.values():
        try:
            pooled[group.id] = _evaluated(group, _version(group))[1]
        except HamError:
            continue  # null in the document, and said in the tab
    by_id = {groups[name].id: found for name, found in differences.items()}
    document = report.groups_document(list(groups.values()), by_id, pooled)
    return json.dumps(document, indent=1, allow_nan=False)
