import { useEffect, useRef, useState } from "preact/hooks";
import { Session } from "./api/session.ts";
import { useChanges } from "./model/observable.ts";
import { ServerModel } from "./model/server-model.ts";
import { AsyncCallPage } from "./pages/async-calls/async-call.tsx";
import { AsyncCallsPage } from "./pages/async-calls/async-calls.tsx";
import { CallPage } from "./pages/call.tsx";
import { CallsPage } from "./pages/calls.tsx";
import { EndpointPage } from "./pages/endpoint.tsx";
import { InvokePage } from "./pages/invoke.tsx";
import { Overview } from "./pages/overview.tsx";
import { ServerPage } from "./pages/server.tsx";
import { SignIn } from "./pages/sign-in.tsx";
import { hrefOf, type Route, useRoute } from "./route.ts";

/** The whole page: signs in, and then shows the place that the URL names. */
export function App() {
  const [session, setSession] = useState<Session>();
  const [isRestored, setRestored] = useState(false);
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    Session.restore().then(
      (restored) => {
        setSession(restored);
        setRestored(true);
      },
      (error: Error) => {
        setProblem(error.message);
        setRestored(true);
      },
    );
  }, []);
  if (!isRestored)
    return (
      <main class="sign-in">
        <h1>faas</h1>
        <p class="muted">Loading…</p>
      </main>
    );
  if (session === undefined) {
    const enter = (entered: Session) => {
      setProblem(undefined);
      setSession(entered);
    };
    return <SignIn problem={problem} onSignIn={enter} />;
  }
  const leave = (reason?: string) => {
    session.signOut();
    setProblem(reason);
    setSession(undefined);
  };
  return <SignedIn session={session} onLeave={leave} />;
}

interface SignedInProps {
  readonly session: Session;
  readonly onLeave: (reason?: string) => void;
}

function SignedIn({ session, onLeave }: SignedInProps) {
  const [model, setModel] = useState<ServerModel>();
  useEffect(() => {
    const created = new ServerModel(session, (error) => onLeave(error.message));
    setModel(created);
    return () => created.close();
  }, [session]);
  if (model === undefined) return null;
  return (
    <>
      <Header model={model} onLeave={() => onLeave()} />
      {session.can("read") ? <Place model={model} /> : <InvokePage session={session} />}
    </>
  );
}

const STATES = { connecting: "Connecting…", live: "Live", offline: "Offline, trying again" } as const;

function Header({ model, onLeave }: { readonly model: ServerModel; readonly onLeave: () => void }) {
  useChanges(model);
  const { page } = useRoute();
  const { session, connection } = model;
  const { whoami } = session;
  const link = (target: "overview" | "calls" | "async-calls" | "server", text: string) => (
    <a href={hrefOf({ page: target })} aria-current={page === target ? "page" : undefined}>
      {text}
    </a>
  );
  return (
    <header>
      <strong>faas</strong>
      {session.can("read") && (
        <nav aria-label="Pages">
          {link("overview", "Endpoints")}
          {link("calls", "Calls")}
          {link("async-calls", "Async calls")}
          {link("server", session.isAdmin ? "Server" : "Organization")}
        </nav>
      )}
      {session.can("read") && (
        <span class={`connection ${connection}`} role="status">
          {STATES[connection]}
        </span>
      )}
      {whoami.auth === "key" && (
        <span class="who">
          <span>
            {whoami.name}: {whoami.scope}
            {whoami.org === undefined ? "" : ` of ${whoami.org}`}
          </span>
          <button type="button" onClick={onLeave}>
            Sign out
          </button>
        </span>
      )}
    </header>
  );
}

function Place({ model }: { readonly model: ServerModel }) {
  const route = useRoute();
  const href = hrefOf(route);
  // Another choice of calls is the same place.
  const place = route.page === "async-calls" ? route.page : href;
  const isFirst = useRef(true);
  useEffect(() => {
    const name = titleOf(route);
    document.body.className = `${route.page}-page`;
    document.title = `${name} – faas`;
    if (!isFirst.current) {
      // As after a new page: people and screen readers start at its top.
      scrollTo(0, 0);
      document.querySelector<HTMLElement>("main h1")?.focus();
    }
    isFirst.current = false;
  }, [place]);
  if (route.page === "server") return <ServerPage model={model} />;
  if (route.page === "calls") return <CallsPage session={model.session} />;
  if (route.page === "async-calls") return <AsyncCallsPage model={model} choice={route} />;
  if (route.page === "async-call")
    return <AsyncCallPage key={href} session={model.session} org={route.org} id={route.id} />;
  if (route.page === "overview") return <Overview model={model} />;
  const { org, endpoint } = route;
  if (route.page === "call")
    return <CallPage key={href} session={model.session} org={org} endpoint={endpoint} requestId={route.requestId} />;
  return <EndpointPage key={`${org}/${endpoint}`} model={model} org={org} endpoint={endpoint} />;
}

function titleOf(route: Route): string {
  if (route.page === "endpoint" || route.page === "call") return `${route.org}/${route.endpoint}`;
  return route.page === "async-call" ? `${route.org}/${route.id}` : route.page;
}
