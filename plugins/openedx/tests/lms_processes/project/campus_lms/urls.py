"""A page that enrols, and one that does nothing."""

import os
import threading

from django.http import JsonResponse
from django.urls import path

from .events import COUNTER, enrol


def answer(request, number=None):
    before = COUNTER.failures
    seconds = enrol(number) if number is not None else 0.0
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("learnrelay")]
    failures = COUNTER.failures - before
    return JsonResponse({"process": os.getpid(), "threads": names, "seconds": seconds, "failures": failures})


urlpatterns = [path("enrol/<int:number>", answer), path("", answer), path("<path:rest>", lambda r, rest: answer(r))]
