from channels.generic.websocket import AsyncWebsocketConsumer


class LobbyConsumer(AsyncWebsocketConsumer):
    groups = ["lobby"]

    async def lobby_news(self, event):
        await self.send(text_data=event["text"])
