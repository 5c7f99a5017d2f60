import type { Task } from "./task.ts";
import { GIT_TASKS } from "./tasks-git.ts";
import { ASKING_TASKS } from "./tasks-net.ts";
import { NODE_TASKS } from "./tasks-node.ts";
import { PYTHON_TASKS } from "./tasks-python.ts";

/** The ordinary tasks by which usability is measured. */
export const TASKS: readonly Task[] = [...NODE_TASKS, ...PYTHON_TASKS, ...GIT_TASKS, ...ASKING_TASKS];
