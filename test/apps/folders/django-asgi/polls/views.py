import asyncio

from django.http import JsonResponse, StreamingHttpResponse
from django.urls import reverse


async def index(request):
    await asyncio.sleep(0)
    return JsonResponse({"index": reverse("index"), "scheme": request.scheme})


async def events(request):
    async def lines():
        for number in range(3):
            yield f"data: {number}\n\n"
            await asyncio.sleep(0)

    return StreamingHttpResponse(lines(), content_type="text/event-stream")
