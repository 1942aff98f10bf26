import {
	NodeApiError,
	type IDataObject,
	type IExecuteFunctions,
	type IHttpRequestOptions,
	type ILoadOptionsFunctions,
	type IN8nHttpFullResponse,
	type JsonObject,
} from 'n8n-workflow';

export interface Answer {
	case: string;
	value: IDataObject | IDataObject[];
}

const CREDENTIAL = 'serviceNowIncidentsApi';

/** What a call may take where its inputs do not say, and what the server may need on top. */
const DEFAULT_MS = 5_000;
const MARGIN_MS = 5_000;

/** Makes a call. Whatever its outcome, the server answers 200: anything else is a fault of the request or the server. */
export async function call(
	this: IExecuteFunctions | ILoadOptionsFunctions,
	method: string,
	inputs: IDataObject,
): Promise<Answer> {
	const { baseUrl } = await this.getCredentials<{ baseUrl: string }>(CREDENTIAL);
	const options: IHttpRequestOptions = {
		method: 'POST',
		baseURL: baseUrl.replace(/\/+$/, ''),
		url: `/v1/${method}`,
		body: inputs,
		json: true,
		timeout: Number(inputs.timeout_ms ?? DEFAULT_MS) + MARGIN_MS,
		disableFollowRedirect: true,
		ignoreHttpStatusErrors: true,
		returnFullResponse: true,
	};
	const answer: IN8nHttpFullResponse = await this.helpers.httpRequestWithAuthentication.call(this, CREDENTIAL, options);
	const body = answer.body as unknown as Partial<Answer> & { title?: string; detail?: string };
	if (answer.statusCode !== 200 || typeof body?.case !== 'string') {
		const message = `${answer.statusCode} ${body?.title ?? answer.statusMessage ?? 'from the server'}`;
		throw new NodeApiError(this.getNode(), { message } as JsonObject, {
			message,
			description: body?.detail ?? 'The address may not be that of servicenow-http.wasm',
			httpCode: String(answer.statusCode),
		});
	}
	return body as Answer;
}
