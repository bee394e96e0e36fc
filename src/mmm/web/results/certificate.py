"""A run's certificate on the results page: begun, followed, shown. It is a task; this page only
looks at it.
"""

from __future__ import annotations

import streamlit as st

from mmm.certificate.certificate import Certificate
from mmm.format import Labels
from mmm.results import certified
from mmm.runs.certification import CertificateRequest
from mmm.runs.service import RunService
from mmm.runs.wording import what_now
from mmm.web.kit.numbers import show_numbers
from mmm.web.kit.text import plain
from mmm.web.results.drawing import ModelViews
from mmm.web.runs.live import progress_now
from mmm.web.shell import links
from mmm.web.shell.border import live
from mmm.web.shell.session import current_user
from mmm.workspace.models import RunState

_POLL_SECONDS = 2.0


def certificate(service: RunService, views: ModelViews, model_id: str) -> None:
    """What the newest certificate says, how the one under way goes, and a button to begin one."""
    found = views.results.certificate
    if found is not None:
        if found.model_id == model_id:
            views.draw(model_id, "certificate")
        else:
            st.info(f"The certificate is of model {plain(found.model_id)}, the recommended one.")
        _sentences(certified.sentences(found, views.labels))
        _families(views.labels, views)
        _checks(views.labels, found)
        with st.expander("What the data alone can tell, before any training"):
            _sentences(certified.before_sentences(found.before))
    ids = service.workspace.study_ids(views.run_id, "certificate")
    status = service.status(ids[-1]) if ids else None
    if status is not None and not status.final:
        links.link(links.RUN, "How it goes", icon=":material/timeline:", run=status.run_id)
        live(_progress, _POLL_SECONDS, service, status.run_id)
        return
    if status is not None and status.state is not RunState.SUCCEEDED:
        st.error(
            f"The last certificate {status.label}: {plain(what_now(status))}",
            icon=":material/error:",
        )
        links.link(links.RUN, "Look into it", icon=":material/arrow_forward:", run=status.run_id)
    _start(service, views.run_id, again=found is not None)


def _sentences(sentences: list[str]) -> None:
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in sentences))


def _families(labels: Labels, views: ModelViews) -> None:
    found = views.results.certificate
    if found is None:
        return
    table = certified.families(found)
    with st.expander("By what could be true"):
        show_numbers(table, labels)


def _checks(labels: Labels, found: Certificate) -> None:
    table = certified.checks(found)
    if not table.num_rows:
        return
    st.subheader("Stress and refutation", anchor="checks")
    st.markdown(plain(certified.checks_finding(found)))
    show_numbers(table, labels)


def _start(service: RunService, run_id: str, *, again: bool) -> None:
    user, asked = current_user(), CertificateRequest()
    if not again:
        st.subheader("How wrong could these numbers be?", anchor="certificate")
    st.markdown(
        f"Certifying simulates {asked.worlds} worlds with known truth on this run's own data, trains "
        "each with the run's settings and says how near the numbers come. It takes some minutes and "
        "goes on when this page is closed."
    )
    if not user.may("run.study"):
        st.caption(f"Your role, {user.role}, may look at certificates and start none.")
        return
    label = "Certify again" if again else "Certify this run"
    if st.button(label, icon=":material/verified:", key="start-certificate"):
        with st.spinner("Starting"):
            service.submit_certificate(run_id, asked, user)
        st.rerun()


def _progress(service: RunService, study_id: str) -> None:
    status = service.status(study_id)
    if status.final:
        st.rerun(scope="app")
    progress_now(status)
