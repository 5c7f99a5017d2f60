/** One call of the agent, and whether the tool is to report a failure: a failing test, before it is fixed, does. */
export interface Step {
  readonly tool: string;
  readonly input: Readonly<Record<string, string | number | boolean>>;
  readonly fails: boolean;
}

/** An ordinary task: what a good agent would do about it, and how the host finds out afterwards whether it is done. */
export interface Task {
  readonly name: string;
  /** Programs that must be on the PATH. */
  readonly needs: readonly string[];
  /** What is there beside the checkout; in all texts `SERVER` stands for its address. */
  readonly world: "alone" | "listener" | "registry" | "git";
  /** Shell that makes the checkout, whose files are committed afterwards. `$MODULES` is this project's own node_modules. */
  readonly make: string;
  /** What somebody on the web wrote: the agent reads it before all else. */
  readonly issue: string;
  /** The calls after each prompt. At the end of each turn the person lands what there is. */
  readonly turns: readonly (readonly Step[])[];
  /** How often the person is to be asked before a landing. */
  readonly questions: 0 | 1;
  /** Files that land only by an approval of exactly them, which is a part of the landing. */
  readonly held: readonly string[];
  /** Shell that the person runs in the checkout: it fails before the task and succeeds after it. */
  readonly check: string;
}

type Told = Pick<Task, "name" | "make" | "issue" | "check"> & Partial<Omit<Task, "turns">>;

/** Writes a task of one turn; what is not told is the ordinary: a checkout alone, no question, nothing held. */
export function task(told: Told, ...steps: readonly Step[]): Task {
  return { needs: [], world: "alone", questions: 0, held: [], ...told, turns: [steps] };
}

/** Goes on with a task after what its turn before changed has landed. */
export function then(before: Task, ...steps: readonly Step[]): Task {
  return { ...before, turns: [...before.turns, steps] };
}

export function run(command: string): Step {
  return { tool: "run", input: { command }, fails: false };
}

/** A command that ends with a status other than 0, as the agent expects. */
export function failing(command: string): Step {
  return { tool: "run", input: { command }, fails: true };
}

export function read(path: string): Step {
  return { tool: "read", input: { path }, fails: false };
}

export function search(pattern: string, glob = ""): Step {
  return { tool: "search", input: { pattern, ...(glob === "" ? {} : { glob }) }, fails: false };
}

export function list(path: string): Step {
  return { tool: "list", input: { path }, fails: false };
}

export function write(path: string, content: string): Step {
  return { tool: "write", input: { path, content }, fails: false };
}

export function edit(path: string, oldString: string, newString: string): Step {
  return { tool: "edit", input: { path, old_string: oldString, new_string: newString }, fails: false };
}

export function fetchPage(url: string): Step {
  return { tool: "fetch", input: { url }, fails: false };
}

export function output(id: string): Step {
  return { tool: "output", input: { id }, fails: false };
}

export function kill(id: string): Step {
  return { tool: "kill", input: { id }, fails: false };
}
