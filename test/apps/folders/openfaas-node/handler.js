"use strict";

module.exports = async (event, context) => {
  const result = { body: event.body, type: event.headers["content-type"] };
  return context.status(200).succeed(result);
};
