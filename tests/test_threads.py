"""Which thread code runs on, and the way there."""

from __future__ import annotations

from stacks import stack_of

from wslint.stack.execution.threads import Running, Threads, threads_of

CONSUMER = """
    import asyncio
    import threading
    from functools import partial

    from asgiref.sync import sync_to_async
    from channels.db import database_sync_to_async
    from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer

    from tools import deep, fetch, guarded, items, known, wrapped


    class Mixin:
        async def receive(self, text_data=None, bytes_data=None):
            {body}

        def helper(self):
            return deep()


    class Room(Mixin, AsyncWebsocketConsumer):
        def other(self):
            pass

        @property
        def name(self):
            return deep()

        @database_sync_to_async
        def stored(self):
            return deep()


    class Plain(WebsocketConsumer):
        def receive(self, text_data=None, bytes_data=None):
            self.helper()

        def helper(self):
            pass

        def room_news(self, event):
            pass

        def two(self, one, other):
            pass
"""

TOOLS = """
    import asyncio
    from functools import wraps

    def known(function):
        return function

    def deep():
        return deeper()

    def deeper():
        return 1

    def items():
        yield deep()

    def guarded():
        asyncio.get_running_loop().is_running()
        deep()

    @known
    def wrapped():
        return 1

    async def fetch():
        return deep()

    async def alone():
        return deep()
"""


def threads(body: str = "pass", tools: str = TOOLS) -> Threads:
    return threads_of(stack_of({"room/consumers.py": CONSUMER.replace("{body}", body), "tools.py": tools}))


def ways(running: tuple[Running, ...]) -> set[str]:
    return {" > ".join([one.root.symbol, *(step.name for step in one.steps)]) for one in running}


def test_a_coroutine_and_what_it_calls() -> None:
    assert ways(threads("deep()").loop) == {
        "Mixin.receive",
        "Mixin.receive > deep",
        "Mixin.receive > deep > deeper",
    }


def test_methods_of_self_in_any_subclass() -> None:
    assert {"Mixin.receive > helper", "Mixin.receive > other"} <= ways(threads("self.helper(), self.other()").loop)


def test_the_coroutine_functions_that_it_awaits_are_entries() -> None:
    found = threads("await fetch()").loop
    assert {"fetch", "fetch > deep"} <= ways(found)
    assert all(running.serving for running in found)


def test_a_coroutine_that_nobody_serves_with_is_not_serving() -> None:
    files = {
        "room/consumers.py": CONSUMER.replace("{body}", "pass"),
        "tools.py": TOOLS,
        "job.py": "from asgiref.sync import async_to_sync\n\nasync def job():\n    pass\n\nasync_to_sync(job)()\n",
    }
    found = {running.name: running.serving for running in threads_of(stack_of(files)).loop}
    assert found == {"receive": True, "job": False}


def test_properties_run_where_they_are_read() -> None:
    assert "Mixin.receive > name" in ways(threads("self.name").loop)


def test_one_of_several_functions_may_run() -> None:
    found = ways(threads("run = deep if text_data else items; run()").loop)
    assert "Mixin.receive > deep" in found and "Mixin.receive > items" not in found


def test_generators_run_where_they_are_run_through() -> None:
    assert "Mixin.receive > items" in ways(threads("[item for item in items()]").loop)
    assert "Mixin.receive > items" in ways(threads("list(items())").loop)
    assert "Mixin.receive > items" not in ways(threads("self.later = items()").loop)


def test_unknown_decorators_and_functions_that_look_first_are_left_out() -> None:
    assert ways(threads("wrapped(), guarded()").loop) == {"Mixin.receive"}


def test_what_is_handed_over_is_not_on_the_loop() -> None:
    for body in (
        "await sync_to_async(self.helper)()",
        "await sync_to_async(partial(self.helper))()",
        "await sync_to_async(lambda: self.helper())()",
        "await self.stored()",
    ):
        assert ways(threads(body).loop) == {"Mixin.receive"}


def test_arguments_of_what_is_handed_over_are_on_the_loop() -> None:
    assert "Mixin.receive > deep" in ways(threads("await sync_to_async(print)(deep())").loop)


def test_shared_thread() -> None:
    always = {"Room.stored", "Room.stored > deep", "Room.stored > deep > deeper"}
    always |= {"Plain.receive", "Plain.receive > helper", "Plain.room_news"}
    assert ways(threads().shared) == always
    for body in ("await sync_to_async(deep)()", "run = database_sync_to_async(partial(deep), thread_sensitive=True)"):
        assert ways(threads(body).shared) - always == {"deep", "deep > deeper"}
    assert "Mixin.lambda > deep" in ways(threads("await sync_to_async(lambda: deep())()").shared)


def test_a_method_that_is_given_away_is_on_no_known_thread() -> None:
    given = CONSUMER.replace("self.helper()", "self.feed.on_news = self.room_news", 1)
    found = threads_of(stack_of({"room/consumers.py": given.replace("{body}", "pass"), "tools.py": TOOLS}))
    assert "Plain.receive" in ways(found.shared) and "Plain.room_news" not in ways(found.shared)


def test_threads_of_their_own() -> None:
    for body in (
        "await sync_to_async(deep, thread_sensitive=False)()",
        "await asyncio.to_thread(deep)",
        "await asyncio.get_running_loop().run_in_executor(None, deep)",
        "threading.Thread(target=deep).start()",
    ):
        found = threads(body)
        assert ways(found.unmanaged) == {"deep", "deep > deeper"}
        assert not {way for way in ways(found.shared) if way.startswith("deep")}


def test_an_unknown_option_hides_the_thread() -> None:
    found = threads("await sync_to_async(deep, thread_sensitive=self.safe)()")
    assert "deep" not in ways((*found.shared, *found.unmanaged))


def test_handed_over_things_of_other_packages() -> None:
    handed = [one for one in threads("await sync_to_async(print)(1)").handed if one.thread == "shared"]
    assert len(handed) == 1
    assert handed[0].run is not None and handed[0].run.args[0].value.value == 1


def test_the_place_of_a_finding_is_the_call_in_the_entry() -> None:
    found = next(running for running in threads("deep()").loop if running.name == "deeper")
    node = next(iter(found.nodes()))
    assert found.place(node).path == "room/consumers.py"
    assert found.at(node).path == "tools.py"


def test_functions_that_call_each_other_end() -> None:
    tools = TOOLS.replace("return deeper()", "return deeper() + deep()").replace("return 1", "return deep()")
    assert "Mixin.receive > deep" in ways(threads("deep()", tools).loop)
