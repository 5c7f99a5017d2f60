import { anything, either, flag, list, mapOf, never, number, object, oneOf, type Shape, text } from "./json-shape.ts";

const SERVER_SIDE = "the vendor's own tools are not let through";
const STORED = "nothing that is kept at the vendor is named";
const FETCHED = "nothing is fetched by the vendor, and files are not named";

// Google's servers take both spellings of a key.
function keys(shapes: Readonly<Record<string, Shape>>): Shape {
  return object(shapes, (key) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
}

const inline = keys({ mimeType: text, data: text, displayName: text });

const part = keys({
  text,
  thought: flag,
  thoughtSignature: text,
  inlineData: inline,
  functionCall: keys({ id: text, name: text, args: anything }),
  functionResponse: keys({
    id: text,
    name: text,
    response: anything,
    parts: list(keys({ inlineData: inline, fileData: never(FETCHED) })),
  }),
  mediaResolution: either(text, mapOf(text)),
  fileData: never(FETCHED),
  executableCode: never(SERVER_SIDE),
  codeExecutionResult: never(SERVER_SIDE),
});

const content = keys({ role: text, parts: list(part) });

const tool = keys({
  functionDeclarations: list(
    keys({
      name: text,
      description: text,
      behavior: text,
      parameters: anything,
      parametersJsonSchema: anything,
      response: anything,
      responseJsonSchema: anything,
    }),
  ),
  googleSearch: never(SERVER_SIDE),
  googleSearchRetrieval: never(SERVER_SIDE),
  urlContext: never(SERVER_SIDE),
  codeExecution: never(SERVER_SIDE),
  computerUse: never(SERVER_SIDE),
  fileSearch: never(SERVER_SIDE),
  mcpServers: never(SERVER_SIDE),
});

const generation = keys({
  temperature: number,
  topP: number,
  topK: number,
  candidateCount: number,
  maxOutputTokens: number,
  stopSequences: list(text),
  seed: number,
  presencePenalty: number,
  frequencyPenalty: number,
  responseLogprobs: flag,
  logprobs: number,
  responseMimeType: text,
  responseSchema: anything,
  responseJsonSchema: anything,
  responseModalities: list(oneOf("TEXT", "text", "Text")),
  thinkingConfig: keys({ includeThoughts: flag, thinkingBudget: number, thinkingLevel: text }),
  mediaResolution: text,
});

const request = {
  model: text,
  contents: list(content),
  systemInstruction: content,
  tools: list(tool),
  toolConfig: keys({
    functionCallingConfig: keys({ mode: text, allowedFunctionNames: list(text), streamFunctionCallArguments: flag }),
  }),
  safetySettings: list(keys({ category: text, threshold: text, method: text })),
  generationConfig: generation,
  labels: mapOf(text),
  cachedContent: never(STORED),
};

/** A request for Google's generateContent and streamGenerateContent. */
export const generateRequest: Shape = keys(request);

/** A request for Google's countTokens. */
export const googleCountRequest: Shape = keys({ contents: request.contents, generateContentRequest: generateRequest });
