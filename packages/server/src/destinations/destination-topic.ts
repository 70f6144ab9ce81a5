/**
 * Topics of calls to URLs, beside the topic of their endpoint: a receiver that does not respond must not hold up the calls to the function.
 */

const SUFFIX = "/urls";

/** Returns the topic of an endpoint's calls to URLs. @param key "org/endpoint" */
export const urlTopicOf = (key: string): string => key + SUFFIX;

/** Tells whether a topic is that of calls to URLs. */
export const isUrlTopic = (topic: string): boolean => topic.endsWith(SUFFIX);

/** Returns the endpoint of a topic: "org/endpoint". */
export const endpointOfTopic = (topic: string): string => (isUrlTopic(topic) ? topic.slice(0, -SUFFIX.length) : topic);
