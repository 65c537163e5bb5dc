"""``learnrelay forget``: what is still stored about a learner is removed."""

from __future__ import annotations

from pathlib import Path

import click

from ..assembly import Assembly, assemble
from ..site import Site, UserRef
from . import config_option


@click.command()
@config_option(required=True)
@click.option("--user-id", help="The learner by the platform's user id.")
@click.option("--username", help="The learner by login name.")
@click.option("--pseudonym", "pseudonyms", multiple=True, help="The learner as the outputs name them; repeatable.")
def command(config_path: str, user_id: str | None, username: str | None, pseudonyms: tuple[str, ...]) -> None:
    """Remove what is still stored about a learner: waiting statements and dead letters, for all destinations.

    Retired users are found as well. What a consumer already has is the consumer's to forget; the pseudonyms that it
    knows are printed for that.
    """
    from ..relay import Relay

    if not (user_id or username or pseudonyms):
        raise click.UsageError("say --user-id, --username or --pseudonym")
    assembly = assemble(Path(config_path))
    known = {pseudonym: {pseudonym} for pseudonym in pseudonyms}
    users = {UserRef(user_id, username), UserRef(user_id), UserRef(None, username)} - {UserRef()}
    for site in sites(assembly):
        standard = assembly.standards[site.space.partition("/")[0]]
        for learner in filter(None, map(site.formerly, users)):
            known.setdefault(learner.pseudonym, set()).update(standard.names(learner, site))
    removed = 0
    with Relay(assembly) as relay:
        left = relay.work_off()  # nobody can tell whose a sealed event is until it is a statement
        for pseudonym, names in sorted(known.items()):
            of_learner = sum(map(relay.outbox.forget, sorted(names)))
            click.echo(f"{pseudonym}: {of_learner:,} statements removed")
            removed += of_learner
    if left:
        click.echo(f"{left:,} deferred events could not be looked at: run it again when status shows none", err=True)
    if not known:
        click.echo(
            "the identity provider does not know this learner. If it once did: say --pseudonym, as the outputs name "
            "the learner (with the table: the external id)",
            err=True,
        )
    elif username and not user_id and not removed:
        click.echo("events that tell the user's id may name the learner by another pseudonym: say --user-id", err=True)


def sites(assembly: Assembly) -> list[Site]:
    """Each pseudonym space once."""
    steps = [step for of_event in assembly.plan.steps.values() for step in of_event]
    found = {step.site.space: step.site for step in steps}
    found.update({site.space: site for step in steps for site, *_ in step.own.values()})
    return list(found.values())
