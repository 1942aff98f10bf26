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

/** Which call it is. */
interface Which {
	/** The item that it is for. */
	item?: number;
	/** Set where the execution was cancelled. */
	cancelled?: AbortSignal;
}

/** What a failure means where a write was on its way. */
const IN_DOUBT =
	'The write may have happened. Repeat a create with the same correlation ID; read the record before you repeat an update.';

/** Nothing was sent: no connection was made. */
const NOT_SENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'];

/** Makes a call. Whatever its outcome, the server answers 200: anything else is a fault of the request or the server. */
export async function call(
	this: IExecuteFunctions | ILoadOptionsFunctions,
	method: string,
	inputs: IDataObject,
	{ item, cancelled }: Which,
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
		...(cancelled === undefined ? {} : { abortSignal: cancelled }),
	};
	const of = item === undefined ? {} : { itemIndex: item };
	const isWrite = ['create', 'update'].includes(method);
	let answer: IN8nHttpFullResponse;
	try {
		answer = await this.helpers.httpRequestWithAuthentication.call(this, CREDENTIAL, options);
	} catch (error) {
		const isInDoubt = isWrite && !NOT_SENT.includes(error.code ?? error.cause?.code);
		throw new NodeApiError(this.getNode(), error as JsonObject, { ...of, ...(isInDoubt ? { description: IN_DOUBT } : {}) });
	}
	const body = answer.body as unknown as Partial<Answer> & { title?: string; detail?: string };
	if (answer.statusCode === 200 && typeof body?.case === 'string') return body as Answer;
	// A problem document is the server's word that no call was made.
	const isInDoubt = isWrite && answer.statusCode >= 500 && typeof body?.title !== 'string';
	const message = `${answer.statusCode} ${body?.title ?? answer.statusMessage ?? 'from the server'}`;
	throw new NodeApiError(this.getNode(), { message } as JsonObject, {
		...of,
		message,
		description: body?.detail ?? (isInDoubt ? IN_DOUBT : 'The address may not be that of servicenow-http.wasm'),
		httpCode: String(answer.statusCode),
	});
}
