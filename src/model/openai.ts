import { createOpenAI } from "@ai-sdk/openai";
import { field } from "./fault.ts";
import type { AdapterSettings, SdkModel } from "./sdk.ts";

/**
 * Opens a model behind OpenAI's Responses API.
 *
 * Nothing is stored at the vendor, so reasoning travels with the history: encrypted, with its item's id.
 */
export function openOpenAI({ name, baseUrl, apiKey, fetch }: AdapterSettings): SdkModel {
  return {
    model: createOpenAI({ baseURL: baseUrl, apiKey: apiKey ?? "", fetch }).responses(name),
    dialect: {
      // The SDK asks for the encrypted reasoning of every model that it knows to reason; others refuse the question.
      requestOptions: (request) => ({ openai: { store: false, promptCacheKey: request.cacheKey } }),
      systemOptions: null,
      mayReturnReasoning: (vendor) => {
        const encrypted = field(field(vendor, "openai"), "reasoningEncryptedContent");
        return typeof encrypted === "string";
      },
      hasTextArguments: true,
      hasImagesInResults: true,
    },
  };
}
