import { createGoogle } from "@ai-sdk/google";
import type { AdapterSettings, SdkModel } from "./sdk.ts";

/** Opens a model behind Google's Gemini API. Thought signatures go back with the piece they came with. */
export function openGoogle({ name, baseUrl, apiKey, fetch }: AdapterSettings): SdkModel {
  // Without thoughts the stream is silent while the model thinks. Models that may not think refuse the setting.
  const hasThoughts = /^gemini-(2\.5-(pro|flash(?!-lite))|[3-9])/.test(name);
  const options = hasThoughts ? { google: { thinkingConfig: { includeThoughts: true } } } : {};
  return {
    model: createGoogle({ baseURL: baseUrl, apiKey: apiKey ?? "", fetch })(name),
    dialect: {
      requestOptions: () => options,
      systemOptions: null,
      mayReturnReasoning: () => true,
      hasTextArguments: false,
      hasImagesInResults: true,
    },
  };
}
