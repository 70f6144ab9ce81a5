exports.handler = async (event, context) => {
  if (event.requestContext.http.method === "POST") {
    const { name } = JSON.parse(event.body);
    return {
      statusCode: 201,
      headers: { "Content-Type": "application/json" },
      cookies: ["session=1; Path=/", "theme=dark"],
      body: JSON.stringify({ name, path: event.rawPath, remaining: context.getRemainingTimeInMillis() > 0 }),
    };
  }
  return { statusCode: 200, body: Buffer.from("binary").toString("base64"), isBase64Encoded: true };
};
