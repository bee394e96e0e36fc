"""Small documents: mappings and naming rules in versions, experiments, plans, accepted models,
notes, branding.

Mappings, experiments, plans and branding go in as pydantic models and come out as JSON text: their
models live on higher floors.
"""

from __future__ import annotations

from pydantic import BaseModel

from mmm.errors import AlreadyExists, NotFound
from mmm.workspace.models import Acceptance, ModelNote, PlanOfRecord
from mmm.workspace.names import checked_name, checked_time_id, is_time_id, new_id
from mmm.workspace.part import Part
from mmm.workspace.stored import Found, Model, read_all


class Documents(Part):
    """mappings/<name>/<version>.json, naming_rules/<version>.json, plans/<id>.json.

    tests/<name>/<version>.json: the registry of tests. templates/<name>/<version>.json: experiments to begin others from. chains/<first run of a chain
    of refreshes>/<version>.json: its accepted models. plans_of_record/<first run>/<version>.json. runs/<run_id>/notes/<version>.json: notes on
    its models. branding/<version>.json: how reports look.
    """

    def save_mapping(self, name: str, mapping: BaseModel) -> int:
        """Store a new version of the mapping; return its number. Earlier versions stay."""
        return self._create_version(f"mappings/{checked_name(name, 'mapping')}", mapping, "mapping")

    def mapping(self, name: str, version: int | None = None) -> str:
        """JSON of the mapping's version, the newest when None."""
        return self._version("mapping", name, version)

    def mapping_versions(self, name: str) -> list[int]:
        return self._numbers(f"mappings/{checked_name(name, 'mapping')}")

    def mapping_names(self) -> list[str]:
        return self._objects.folders("mappings")

    def save_template(self, name: str, template: BaseModel) -> int:
        """Store a new version of the template; return its number. Earlier versions stay."""
        return self._create_version(
            f"templates/{checked_name(name, 'template')}", template, "template"
        )

    def template(self, name: str, version: int | None = None) -> str:
        """JSON of the template's version, the newest when None."""
        return self._version("template", name, version)

    def template_names(self) -> list[str]:
        return self._objects.folders("templates")

    def save_test(self, name: str, test: BaseModel) -> int:
        """Store a new version of a test of the registry; return its number. Earlier ones stay."""
        return self._create_version(f"tests/{checked_name(name, 'test')}", test, "test")

    def registered_test(self, name: str, version: int | None = None) -> str:
        """JSON of the test's version, the newest when None."""
        return self._version("test", name, version)

    def registered_test_versions(self, name: str) -> list[int]:
        return self._numbers(f"tests/{checked_name(name, 'test')}")

    def registered_test_names(self) -> list[str]:
        return self._objects.folders("tests")

    def save_naming_rules(self, rules: BaseModel) -> int:
        """Store a new version of the rules that propose mappings; return its number."""
        return self._create_version("naming_rules", rules, "naming_rules")

    def naming_rules(self) -> str | None:
        """JSON of the newest naming rules; None where the workspace has none of its own."""
        return self._newest("naming_rules", "naming_rules")

    def save_plan(self, plan: BaseModel) -> str:
        """Store a plan; return its new id."""
        plan_id = new_id()
        self._create(f"plans/{plan_id}.json", plan, "plan")
        return plan_id

    def plan(self, plan_id: str) -> str:
        """JSON of the plan."""
        return self._text(f"plans/{checked_time_id(plan_id, 'plan')}.json", "plan")

    def plan_ids(self) -> list[str]:
        """Ids, newest first."""
        names = (name.removesuffix(".json") for name in reversed(self._objects.names("plans")))
        return [name for name in names if is_time_id(name)]

    def commit_plan(self, first_run: str, record: PlanOfRecord) -> int:
        """Make a plan the one of record of the chain of refreshes that begins with `first_run`;
        earlier ones stay.
        """
        folder = f"plans_of_record/{checked_time_id(first_run, 'run')}"
        return self._create_version(folder, record, "plan_of_record")

    def plans_of_record(self, first_run: str) -> Found[PlanOfRecord]:
        """The chain's committed plans, the one of record last."""
        folder = f"plans_of_record/{checked_time_id(first_run, 'run')}"
        return self._all_versions(folder, PlanOfRecord, "plan_of_record")

    def save_acceptance(self, first_run: str, acceptance: Acceptance) -> int:
        """Add an accepted model to the chain of refreshes that begins with `first_run`; earlier
        ones stay.
        """
        folder = f"chains/{checked_time_id(first_run, 'run')}"
        return self._create_version(folder, acceptance, "acceptance")

    def acceptances(self, first_run: str) -> Found[Acceptance]:
        """The chain's accepted models, the one in use last."""
        folder = f"chains/{checked_time_id(first_run, 'run')}"
        return self._all_versions(folder, Acceptance, "acceptance")

    def save_note(self, run_id: str, note: ModelNote) -> int:
        """Add a note on one of the run's models; earlier ones stay."""
        return self._create_version(_notes(run_id), note, "note")

    def notes(self, run_id: str) -> Found[ModelNote]:
        """The notes on the run's models, oldest first."""
        return self._all_versions(_notes(run_id), ModelNote, "note")

    def save_branding(self, branding: BaseModel) -> int:
        """Store how the workspace's reports look from now on; return the version."""
        return self._create_version("branding", branding, "branding")

    def branding(self) -> str | None:
        """JSON of the newest branding; None where there is none."""
        return self._newest("branding", "branding")

    def _create_version(self, folder: str, model: BaseModel, kind: str) -> int:
        while True:
            version = max(self._numbers(folder), default=0) + 1
            try:
                self._create(f"{folder}/{version:06d}.json", model, kind)
            except AlreadyExists:
                continue  # someone else made this version at the same moment
            return version

    def _newest(self, folder: str, kind: str) -> str | None:
        versions = self._numbers(folder)
        return self._text(f"{folder}/{max(versions):06d}.json", kind) if versions else None

    def _all_versions(self, folder: str, model: type[Model], kind: str) -> Found[Model]:
        keys = [f"{folder}/{version:06d}.json" for version in self._numbers(folder)]
        return Found(*read_all(keys, lambda key: self._read(key, model, kind)))

    def _version(self, what: str, name: str, version: int | None) -> str:
        """JSON of a named document's version, the newest when None; NotFound says which there are."""
        folder = f"{what}s/{checked_name(name, what)}"
        versions = self._numbers(folder)
        chosen = version if version is not None else max(versions, default=0)
        if chosen not in versions:
            known = _known(f"{what}s", self._objects.folders(f"{what}s"))
            fix = f"Its versions are 1 to {max(versions)}." if versions else known
            raise NotFound(
                f"there is no {what} {name!r}{f' version {version}' if version else ''}.", fix=fix
            )
        return self._text(f"{folder}/{chosen:06d}.json", what)


def _notes(run_id: str) -> str:
    return f"runs/{checked_time_id(run_id, 'run')}/notes"


def _known(what: str, names: list[str]) -> str:
    return f"Known {what}: {', '.join(names)}." if names else f"There are no {what} yet."
