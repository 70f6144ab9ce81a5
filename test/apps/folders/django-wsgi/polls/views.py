from django.db import connection
from django.http import HttpResponse, JsonResponse
from django.urls import reverse


def index(request):
    with connection.cursor() as cursor:
        cursor.execute("select 40 + 2")
        (answer,) = cursor.fetchone()
    return JsonResponse({"answer": answer, "detail": reverse("polls:detail", args=[5])})


def detail(request, question_id):
    return HttpResponse(f"Question {question_id} at {request.build_absolute_uri()}")
