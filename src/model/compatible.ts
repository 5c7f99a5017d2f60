import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { AdapterSettings, SdkModel } from "./sdk.ts";

/** Opens a model behind OpenAI's Chat Completions protocol, which most local servers and many hosts speak. */
export function openCompatible({ name, baseUrl, apiKey, fetch }: AdapterSettings): SdkModel {
  const key = apiKey === undefined ? {} : { apiKey };
  return {
    model: createOpenAICompatible({ name: "compatible", baseURL: baseUrl, includeUsage: true, fetch, ...key })(name),
    dialect: {
      requestOptions: () => ({}),
      systemOptions: null,
      mayReturnReasoning: () => true,
      hasTextArguments: true,
      hasImagesInResults: false,
    },
  };
}
