import type { EndpointView, ReplicaFailure } from "@faas/core";

/** Failures in words. */
export function Failures({ view }: { readonly view: EndpointView }) {
  const { failure, otherFailures = [], limited, cpuPending, revision } = view;
  return (
    <>
      {failure && (
        <FailureView
          title={failure.revision === revision ? "It does not run" : "The last deployment failed"}
          failure={failure}
        />
      )}
      {otherFailures.map((other) => (
        <FailureView key={other.revision} title="Another revision does not run" failure={other} />
      ))}
      {limited !== undefined && <p class="warning">{limited}</p>}
      {cpuPending !== undefined && <p class="warning">{cpuPending}</p>}
    </>
  );
}

function FailureView({ title, failure }: { readonly title: string; readonly failure: ReplicaFailure }) {
  const { code, detail, revision, lastLogLines } = failure;
  return (
    <section class="error" role="alert">
      <h2>{title}</h2>
      <p>{detail}</p>
      <p class="muted">
        {code}, revision <code>{revision}</code>
      </p>
      {lastLogLines.length > 0 && (
        <pre tabIndex={0} role="region" aria-label={`Last lines of the output of ${revision}`}>
          {lastLogLines.join("\n")}
        </pre>
      )}
    </section>
  );
}
